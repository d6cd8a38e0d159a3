import { timingSafeEqual } from "node:crypto";
import type { LinkUse, LookupKeys } from "../crypto/lookup-keys.js";

type Lookup = Pick<LookupKeys, "link">;

const shape = /^([A-Za-z0-9_-]{22})\.[A-Za-z0-9_-]{22}$/;

/** Returns the token of a message's link: an id and a MAC. Nothing is stored for it. */
export function linkTokenOf(lookup: Lookup, use: LinkUse, id: string): string {
  return `${id}.${lookup.link(use, id).toString("base64url")}`;
}

/** Returns the id in a token, or null if the token was not made here for this use. */
export function idInLink(lookup: Lookup, use: LinkUse, token: string): string | null {
  const id = shape.exec(token)?.[1];
  if (id === undefined) return null;
  // The texts are compared, because several texts decode to the same bytes.
  return timingSafeEqual(Buffer.from(token), Buffer.from(linkTokenOf(lookup, use, id))) ? id : null;
}
