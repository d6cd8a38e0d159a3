import type { Caller, Deps } from "./deps.js";

/** Ends the session that an access or refresh token belongs to, if it is the caller's client's; any other token is no error. */
export async function revokeToken(_deps: Deps, _caller: Caller, _input: { readonly token: string }): Promise<void> {
  throw new Error("pending");
}
