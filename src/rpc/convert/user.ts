import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type UserSchema, UserState } from "../../gen/latchkey/v1/user_pb.js";
import type { User } from "../../model/user.js";
import { toContact } from "./contact.js";

export function toUser(user: User): MessageInitShape<typeof UserSchema> {
  return {
    userId: user.userId,
    username: user.username ?? "",
    displayName: user.displayName,
    locale: user.locale,
    contacts: user.contacts.map((contact) => toContact(contact, contact.verifiedAt)),
    customAttributes: user.customAttributes === "" ? undefined : (JSON.parse(user.customAttributes) as JsonObject),
    createdAt: timestampFromMs(user.createdAt),
    state: UserState.ACTIVE,
  };
}
