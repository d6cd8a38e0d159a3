import type { JsonValue } from "@bufbuild/protobuf";
import { timestampDate, timestampMs } from "@bufbuild/protobuf/wkt";
import type { Static } from "typebox";
import { type Contact, ContactKind, type User, UserState } from "../../../../gen/latchkey/v1/user_pb.js";
import type { userResponse } from "./schemas.js";

/** A user in Transmit's words. It keeps no time of the last change, so that is the time at which the user joined the app. */
export function toUser(user: User): Static<typeof userResponse>["result"] {
  const emails = ofKind(user, ContactKind.EMAIL).map((one) => ({ ...toContact(one), email_verified: isVerified(one) }));
  const phones = ofKind(user, ContactKind.PHONE).map((one) => ({ ...toContact(one), phone_number_verified: isVerified(one) }));
  const [email, ...secondaryEmails] = emails;
  const [phone, ...secondaryPhones] = phones;
  const { custom_data, custom_app_data } = user.appAttributes ?? {};
  return {
    user_id: user.userId,
    ...(user.username !== "" && { username: user.username }),
    ...(email !== undefined && { email }),
    secondary_emails: secondaryEmails,
    ...(phone !== undefined && { phone_number: phone }),
    secondary_phone_numbers: secondaryPhones,
    ...(user.displayName !== "" && { name: toName(user.displayName) }),
    ...(user.locale !== "" && { language: user.locale }),
    ...(user.externalId !== "" && { external_user_id: user.externalId }),
    status: statusOf(user.state),
    created_at: timestampMs(user.createdAt!),
    updated_at: timestampMs(user.joinedAt ?? user.createdAt!),
    ...(isData(custom_data) && { custom_data }),
    ...(isData(custom_app_data) && { custom_app_data }),
  };
}

function statusOf(state: UserState): "Active" | "Disabled" | "Pending" {
  if (state === UserState.LOCKED) return "Disabled";
  return state === UserState.INVITED ? "Pending" : "Active";
}

/** The first of each kind is the primary one. */
function ofKind({ contacts }: User, kind: ContactKind): readonly Contact[] {
  return contacts.filter((contact) => contact.kind === kind);
}

function isVerified({ verifiedAt }: Contact): boolean {
  return verifiedAt !== undefined;
}

function toContact({ value, verifiedAt }: Contact) {
  return { value, ...(verifiedAt !== undefined && { verified_at: timestampDate(verifiedAt).toISOString() }) };
}

/** The last word is the last name, because Latchkey keeps the name as one text. */
function toName(displayName: string) {
  const at = displayName.lastIndexOf(" ");
  return at < 0 ? { first_name: displayName } : { first_name: displayName.slice(0, at), last_name: displayName.slice(at + 1) };
}

function isData(value: JsonValue | undefined): value is Record<string, JsonValue> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
