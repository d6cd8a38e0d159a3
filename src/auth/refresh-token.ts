import type { Caller, Deps, Idempotency, TokenSet } from "./deps.js";

export interface RefreshTokenInput {
  readonly refreshToken: string;
  readonly idempotency: Idempotency;
}

export async function refreshToken(_deps: Deps, _caller: Caller, _input: RefreshTokenInput): Promise<TokenSet> {
  throw new Error("pending");
}
