import { ConnectError } from "@connectrpc/connect";
import { type ErrorDetails, readErrorDetails } from "./error-details.js";

/** What a failed call says for programs to read. Anything that is no `ConnectError` has no details: its reason is null. */
export function errorDetails(error: unknown): ErrorDetails {
  return readErrorDetails((schema) => (error instanceof ConnectError ? error.findDetails(schema) : []));
}
