import type { Actor } from "../apps/actor.js";
import type { Caller } from "../model/caller.js";

/** Returns a confidential client as the party that manages apps, clients or people. */
export function actorOf(caller: Caller): Actor {
  const { client, app, scopes } = caller;
  return { name: client.clientId, client, app, scopes, source: caller };
}
