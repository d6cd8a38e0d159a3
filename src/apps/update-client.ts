import type { ClientRecord, ClientState } from "../model/client.js";
import type { FieldViolation } from "../model/violation.js";
import type { StoredClient } from "../store/port/apps.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import { clientViolations, grantViolations, refuseHigherRights } from "./client-rules.js";
import { type ClientFields, recordFields } from "./create-client.js";
import type { AppsDeps } from "./deps.js";
import { alreadyExists, clientNotFound, refuseViolations } from "./refusals.js";

/** New values of a client. What is left out stays as it is. */
export type ClientChanges = ClientFields & { readonly state?: ClientState };

/**
 * Changes a client. Throws CLIENT_NOT_FOUND, REQUEST_INVALID, ALREADY_EXISTS if another client has one of the aliases, and
 * SCOPE_MISSING if the client has a right that the actor lacks.
 */
export async function updateClient(
  deps: AppsDeps,
  actor: Actor,
  { clientId, changes }: { readonly clientId: string; readonly changes: ClientChanges },
): Promise<StoredClient> {
  const fields: Partial<ClientRecord> = { ...recordFields(changes), ...(changes.state && { state: changes.state }) };
  const outcome = await deps.store.apps.changeClient({
    clientId,
    apply(client) {
      refuseHigherRights(actor, client);
      const next = { ...client, ...fields };
      const grants = grantViolations(actor, { before: client.scopes, after: next.scopes });
      refuseViolations([...clientViolations(next), ...grants, ...disabledDefault(next)]);
      return next;
    },
  });
  if (outcome === null) throw clientNotFound(clientId);
  if (outcome.kind === "taken") throw alreadyExists(outcome.id);
  const { appId, scopes } = outcome.client.client;
  await announce(deps, actor, {
    message: "changed a client",
    app: appId,
    client: clientId,
    changed: Object.keys(fields),
    ...(fields.scopes && { scopes }),
    ...(outcome.unmarked !== null && { noLongerDefault: outcome.unmarked }),
  });
  return outcome.client;
}

function disabledDefault({ isDefault, state }: ClientRecord): FieldViolation[] {
  if (!isDefault || state === "active") return [];
  return [{ field: "state", description: "must be active for the default client: take is_default away first" }];
}
