import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ContactKind, type Contact as ContactMessage } from "../../gen/latchkey/v1/user_pb.js";
import type * as contacts from "../../model/contact.js";
import type { EpochMs } from "../../model/time.js";
import { keyOf } from "./enums.js";

const kinds = { email: ContactKind.EMAIL, phone: ContactKind.PHONE } satisfies Record<contacts.ContactKind, ContactKind>;

export const toContactKind = (kind: contacts.ContactKind): ContactKind => kinds[kind];

/** Leaves out unset kinds. */
export function fromContactKinds(wanted: readonly ContactKind[]): contacts.ContactKind[] {
  return wanted.map((kind) => keyOf(kinds, kind)).filter((kind) => kind !== undefined);
}

export function toContact(
  contact: contacts.Contact,
  verifiedAt: EpochMs | null = null,
): Pick<ContactMessage, "kind" | "value" | "verifiedAt"> {
  return {
    kind: toContactKind(contact.kind),
    value: contact.value,
    verifiedAt: verifiedAt === null ? undefined : timestampFromMs(verifiedAt),
  };
}
