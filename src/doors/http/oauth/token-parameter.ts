import type { Params } from "./client.js";
import { invalidRequest } from "./errors.js";

const form = /^[\x20-\x7e]{1,4096}$/;

/**
 * The parameter `token`. A text that can't be a token becomes one that is unknown, because RFC 7009 and RFC 7662 answer unknown
 * tokens without an error.
 */
export function tokenIn(params: Params): string {
  const token = params.get("token");
  if (token === undefined) throw invalidRequest("The parameter token is missing.");
  return form.test(token) ? token : "unknown";
}
