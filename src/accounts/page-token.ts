import { timingSafeEqual } from "node:crypto";
import { invalidField } from "../auth/errors.js";
import type { AccountsDeps } from "./deps.js";

/** What a page token is bound to. */
export interface PageOwner {
  /** The name of the actor. */
  readonly by: string;
  readonly appId: string;
  /** The filter in canonical form, as JSON text. */
  readonly filter: string;
}

const macBytes = 16;

/** Returns the token for the page after `next`. Null, the end of the list, gives an empty text. */
export function pageTokenOf(deps: Pick<AccountsDeps, "requestMac">, owner: PageOwner, next: string | null): string {
  return next === null ? "" : Buffer.concat([macOf(deps, owner, next), Buffer.from(next)]).toString("base64url");
}

/**
 * Returns where a page begins: empty for the first one. Throws REQUEST_INVALID for a token that was changed, or made for another
 * caller, app or filter.
 */
export function placeIn(deps: Pick<AccountsDeps, "requestMac">, owner: PageOwner, token: string): string {
  if (token === "") return "";
  const bytes = Buffer.from(token, "base64url");
  const place = bytes.subarray(macBytes).toString();
  const mac = bytes.subarray(0, macBytes);
  const isGood =
    mac.length === macBytes && bytes.toString("base64url") === token && timingSafeEqual(mac, macOf(deps, owner, place));
  if (!isGood) {
    throw invalidField(
      "page_token",
      "is not a next_page_token of a call with the same client, app and filter: start with the first page",
    );
  }
  return place;
}

function macOf({ requestMac }: Pick<AccountsDeps, "requestMac">, { by, appId, filter }: PageOwner, place: string): Buffer {
  const request = Buffer.from(JSON.stringify([appId, filter, place]));
  return requestMac({ clientId: by, method: "ListUsers page", key: "", request }).subarray(0, macBytes);
}
