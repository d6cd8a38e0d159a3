import { ConnectError } from "@connectrpc/connect";
import { type ErrorDetails, readErrorDetails } from "./error-details.js";

/** Reads the details of a failed call. For an error that is not a `ConnectError`, `reason` is null and the lists are empty. */
export function errorDetails(error: unknown): ErrorDetails {
  return readErrorDetails((schema) => (error instanceof ConnectError ? error.findDetails(schema) : []));
}
