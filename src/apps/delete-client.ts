import { refuseHigherRights } from "./client-rules.js";
import { type Actor, type AppsDeps, announce, clientNotFound } from "./deps.js";
import { getClient } from "./read-clients.js";

/** Deletes a client with its secrets. Throws CLIENT_NOT_FOUND, and SCOPE_MISSING as `updateClient`. */
export async function deleteClient(deps: AppsDeps, actor: Actor, { clientId }: { readonly clientId: string }): Promise<void> {
  const { client } = await getClient(deps, { clientId });
  refuseHigherRights(actor, client);
  const deleted = await deps.store.apps.deleteClient({ clientId, now: deps.clock() });
  if (!deleted) throw clientNotFound(clientId);
  await announce(deps, actor, { message: "deleted a client", app: client.appId, client: clientId });
}
