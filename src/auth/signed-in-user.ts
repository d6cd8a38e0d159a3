import { sessionCredentialHash } from "../crypto/session-credential.js";
import { type Caller, isSignedIn } from "../model/caller.js";
import type { User } from "../model/user.js";
import type { Deps } from "./deps.js";

/**
 * Returns the user whose access token, session credential or cookie came with a call that needs none. Null without one, and for a
 * session of another client.
 */
export async function signedInUser(deps: Deps, caller: Caller): Promise<User | null> {
  if (isSignedIn(caller)) return caller.user;
  const { credential } = caller.cookie ?? {};
  const credentialHash = typeof credential === "string" ? sessionCredentialHash(credential) : null;
  if (credentialHash === null) return null;
  const live = await deps.store.sessions.findByCredential({ credentialHash, now: deps.clock() });
  const { appId, clientId } = live?.session ?? {};
  return appId === caller.app.appId && clientId === caller.client.clientId ? live!.user : null;
}
