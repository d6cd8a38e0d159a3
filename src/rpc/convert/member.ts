import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { MemberFields } from "../../accounts/member-fields.js";
import type { Obstacle, ObstacleKind } from "../../accounts/obstacles.js";
import { CredentialType } from "../../gen/latchkey/v1/user_pb.js";
import {
  type CreateUserRequest,
  type GetUserRequest,
  type InviteUserRequest,
  SignInObstacleKind as Kind,
  type ListUsersRequest,
  type SignInObstacleSchema,
  type UpdateUserRequest,
} from "../../gen/latchkey/v1/user_service_pb.js";
import type { Contact } from "../../model/contact.js";
import type * as users from "../../model/user.js";
import type { MemberKey } from "../../model/user.js";
import type { MemberQuery } from "../../store/port/users.js";
import { toContact } from "./contact.js";
import { keyOf } from "./enums.js";

const credentialTypes = { otp: CredentialType.OTP, none: CredentialType.NONE, test: CredentialType.TEST } satisfies Record<
  users.CredentialType,
  CredentialType
>;

export const toCredentialType = (type: users.CredentialType): CredentialType => credentialTypes[type];
export const fromCredentialType = (type: CredentialType): users.CredentialType | undefined => keyOf(credentialTypes, type);

/** What a request that creates a user says about it. */
export function fromNewUser(request: CreateUserRequest | InviteUserRequest) {
  const { appId, email, phone, username, displayName, locale, customAttributes } = request;
  const { roles, kind, ownerOrganization, externalId, appAttributes } = request;
  const profile = { username, displayName, locale, customAttributes };
  return { appId, email, phone, ...profile, roles, kind, ownerOrganization, externalId, appAttributes };
}

const fields = {
  username: "username",
  display_name: "displayName",
  locale: "locale",
  custom_attributes: "customAttributes",
  roles: "roles",
  kind: "kind",
  owner_organization: "ownerOrganization",
  external_id: "externalId",
  app_attributes: "appAttributes",
} as const satisfies Record<string, keyof MemberFields>;

/** Returns the values that the mask names. */
export function fromUpdateUser(request: UpdateUserRequest): MemberFields {
  const paths = request.updateMask?.paths ?? [];
  const named = Object.entries(fields).filter(([path]) => paths.includes(path));
  return Object.fromEntries(named.map(([, field]) => [field, request[field]]));
}

/** How a request names a user. */
export function fromKey({ key }: Pick<GetUserRequest, "key">): MemberKey {
  switch (key.case) {
    case undefined:
      throw new Error("validation accepted a request without a user");
    case "number":
      return { kind: "number", value: Number(key.value) };
    case "userId":
      return { kind: "user_id", value: key.value };
    case "externalId":
      return { kind: "external_id", value: key.value };
    default:
      return { kind: key.case, value: key.value };
  }
}

export function fromFilter({ filter }: ListUsersRequest): MemberQuery["prefix"] {
  const field = filter?.field;
  return field?.case === undefined ? null : { field: field.case, text: field.value };
}

/** The contact that a request names. */
export function fromContactField(contact: {
  readonly case: "email" | "phone" | undefined;
  readonly value?: string | undefined;
}): Contact {
  if (contact.case === undefined) throw new Error("validation accepted a request without a contact");
  return { kind: contact.case, value: contact.value ?? "" };
}

const kinds = {
  no_such_user: Kind.NO_SUCH_USER,
  no_membership: Kind.NO_MEMBERSHIP,
  locked: Kind.LOCKED,
  credential_none: Kind.CREDENTIAL_NONE,
  contact_unproven: Kind.CONTACT_UNPROVEN,
  contact_of_another: Kind.CONTACT_OF_ANOTHER,
  contact_disabled: Kind.CONTACT_DISABLED,
  locked_out: Kind.LOCKED_OUT,
  too_many_guesses: Kind.TOO_MANY_GUESSES,
  too_many_sends: Kind.TOO_MANY_SENDS,
  no_contact: Kind.NO_CONTACT,
  channel_off: Kind.CHANNEL_OFF,
  country_off: Kind.COUNTRY_OFF,
  sign_in_off: Kind.SIGN_IN_OFF,
  app_archived: Kind.APP_ARCHIVED,
  test_identifier: Kind.TEST_IDENTIFIER,
  test_account: Kind.TEST_ACCOUNT,
} satisfies Record<ObstacleKind, Kind>;

export function toObstacle({ kind, text, until, contact }: Obstacle): MessageInitShape<typeof SignInObstacleSchema> {
  return {
    kind: kinds[kind],
    text,
    until: until === null ? undefined : timestampFromMs(until),
    contact: contact === null ? undefined : toContact(contact),
  };
}
