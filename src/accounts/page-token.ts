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

/**
 * Returns the token for the page after `next`. Null, the end of the list, gives an empty text. The place is encrypted, because it
 * may name a person of the pool who is no member of the app.
 */
export function pageTokenOf({ sealer }: Pick<AccountsDeps, "sealer">, owner: PageOwner, next: string | null): string {
  return next === null ? "" : sealer.seal("page-token", Buffer.from(next), bindingOf(owner)).toString("base64url");
}

/**
 * Returns where a page begins: empty for the first one. Throws REQUEST_INVALID for a token that was changed, or made for another
 * caller, app or filter.
 */
export function placeIn({ sealer }: Pick<AccountsDeps, "sealer">, owner: PageOwner, token: string): string {
  if (token === "") return "";
  const bytes = Buffer.from(token, "base64url");
  const place = bytes.toString("base64url") === token ? sealer.open("page-token", bytes, bindingOf(owner)) : null;
  if (place === null) {
    throw invalidField(
      "page_token",
      "is not a next_page_token of a call with the same client, app and filter: start with the first page",
    );
  }
  return place.toString();
}

function bindingOf({ by, appId, filter }: PageOwner): string {
  return JSON.stringify([by, appId, filter]);
}
