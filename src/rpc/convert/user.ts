import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { OwnMembership } from "../../auth/membership.js";
import { type UserSchema, UserState } from "../../gen/latchkey/v1/user_pb.js";
import type { Member, MemberState, User, UserContact } from "../../model/user.js";
import { toContact } from "./contact.js";
import { toCredentialType } from "./member.js";

/** The user, with what the user's own calls show of the membership. */
export function toUser(
  user: User,
  { roles, ownerOrganization }: OwnMembership = { roles: [], ownerOrganization: "" },
): MessageInitShape<typeof UserSchema> {
  return {
    userId: user.userId,
    username: user.username ?? "",
    displayName: user.displayName,
    locale: user.locale,
    contacts: user.contacts.map((contact, index) => ({
      ...toContact(contact, contact.verifiedAt),
      primary: isFirstOfKind(user.contacts, index),
    })),
    customAttributes: toAttributes(user.customAttributes),
    createdAt: timestampFromMs(user.createdAt),
    state: UserState.ACTIVE,
    number: BigInt(user.number),
    roles: [...roles],
    ownerOrganization,
  };
}

const states = {
  invited: UserState.INVITED,
  active: UserState.ACTIVE,
  locked: UserState.LOCKED,
} satisfies Record<MemberState, UserState>;

/** The user with everything that the app says about it, for administrators. */
export function toMember({ user, membership }: Member): MessageInitShape<typeof UserSchema> {
  return {
    ...toUser(user, membership),
    state: states[membership.state],
    kind: membership.kind,
    externalId: membership.externalId ?? "",
    appAttributes: toAttributes(membership.appAttributes),
    credentialType: toCredentialType(membership.credentialType),
    joinedAt: timestampFromMs(membership.joinedAt),
  };
}

function isFirstOfKind(contacts: readonly UserContact[], index: number): boolean {
  return contacts.findIndex(({ kind }) => kind === contacts[index]!.kind) === index;
}

function toAttributes(text: string): JsonObject | undefined {
  return text === "" ? undefined : (JSON.parse(text) as JsonObject);
}
