import type { Caller } from "../model/caller.js";
import type { Deps } from "./deps.js";

/** Returns the key of the requester that a call comes from. Limits give each requester a share of its own. */
export function requesterKeyOf({ lookup }: Pick<Deps, "lookup">, { app, client, confidential, address }: Caller): Buffer {
  return lookup.requester({ poolId: app.poolId, backendId: confidential ? client.clientId : null, address });
}
