import type { KeyName, KeyWork } from "../model/key.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";

/** Throws UNAVAILABLE if the work needs a key that only other processes have. A repeated call may reach one of them. */
export async function refuseForeignKey(deps: Deps, key: KeyName, work: KeyWork): Promise<void> {
  if (!(await deps.foreignKeys.isForeign(key, work))) return;
  throw new AuthError("UNAVAILABLE", { detail: `${key.use} key ${key.keyId} is not configured here` });
}

/** `refuseForeignKey` for a token that could not be read: it may be a refresh token of another process's master key. */
export async function refuseForeignToken(deps: Deps, token: string, work: KeyWork): Promise<void> {
  const keyId = deps.refreshTokens.keyIdOf(token);
  if (keyId !== null) await refuseForeignKey(deps, { use: "master", keyId }, work);
}
