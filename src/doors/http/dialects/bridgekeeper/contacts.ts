import { type Contact, ContactKind, type User } from "../../../../gen/latchkey/v1/user_pb.js";
import { RouteError } from "../failure.js";

/** A contact as the API takes it. */
export type Named = { readonly case: "email" | "phone"; readonly value: string };

export type Medium = "email" | "phone-number";

interface NamedFields {
  readonly email?: string | null;
  readonly "phone-number"?: string | null;
}

/** Returns the contacts that a body names, the phone number first. */
export function namedIn({ email, "phone-number": phone }: NamedFields): Named[] {
  const named: Named[] = [];
  if (phone) named.push({ case: "phone", value: phone });
  if (email) named.push({ case: "email", value: email });
  return named;
}

/** A code proves one contact. Throws `RouteError` if the body names none or several. */
export function soleOf(named: readonly Named[]): Named {
  if (named.length !== 1) throw new RouteError("REQUEST_INVALID", "Give either phone-number or email.");
  return named[0]!;
}

/** Returns the contact of a user that codes go to: that of the first medium that the user has. Throws `RouteError` if there is none. */
export function ownContact({ contacts }: User, mediums: readonly Medium[] = ["email", "phone-number"]): Named {
  for (const medium of mediums) {
    const found = contacts.find(({ kind, primary }) => primary && kind === kindOf[medium]);
    if (found !== undefined) return { case: medium === "email" ? "email" : "phone", value: found.value };
  }
  throw new RouteError("REQUEST_INVALID", `The user has no ${mediums.join(" or ")}. Give one.`);
}

export function isVerified(user: User, named: Named): boolean {
  return own(user, named)?.verifiedAt !== undefined;
}

/** Whether an app's backend has given the contact to the user and no code has verified it. */
export function isClaimed(user: User, named: Named): boolean {
  const found = own(user, named);
  return found !== undefined && found.verifiedAt === undefined;
}

export const kindOf = { email: ContactKind.EMAIL, "phone-number": ContactKind.PHONE } as const;

/** Compares as people write contacts. The API compares strictly. */
function own({ contacts }: User, named: Named): Contact | undefined {
  const kind = named.case === "email" ? ContactKind.EMAIL : ContactKind.PHONE;
  const wanted = written(named.value);
  return contacts.find((contact) => contact.kind === kind && written(contact.value) === wanted);
}

function written(value: string): string {
  return value.replace(/[ ()\t]/g, "").toLowerCase();
}
