import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import { refuseHigherRights } from "./client-rules.js";
import type { AppsDeps } from "./deps.js";
import { clientNotFound } from "./refusals.js";

/** Sessions that are searched in one transaction. It takes a few milliseconds, so that other calls hardly wait. */
const batch = 2_000;

/**
 * Deletes a client with its secrets and sessions. Returns how many sessions ended. Throws CLIENT_NOT_FOUND, and SCOPE_MISSING as
 * `updateClient`.
 */
export async function deleteClient(deps: AppsDeps, actor: Actor, { clientId }: { readonly clientId: string }): Promise<number> {
  const deleted = await deps.store.apps.deleteClient({
    clientId,
    now: deps.clock(),
    check: (client) => refuseHigherRights(actor, client),
  });
  if (deleted === null) throw clientNotFound(clientId);
  await announce(deps, actor, { message: "deleted a client", app: deleted.appId, client: clientId });
  return await endSessions(deps, clientId);
}

/** Without this they would work again if another client got the id. */
async function endSessions({ store }: AppsDeps, clientId: string): Promise<number> {
  let ended = 0;
  for (let after: string | null = ""; after !== null; ) {
    const { revoked, next } = await store.sessions.revokeOfClient({ clientId, after, limit: batch });
    ended += revoked;
    after = next;
  }
  return ended;
}
