import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Static } from "typebox";
import { ContactKind, CredentialType, type User, UserState } from "../../../../gen/latchkey/v1/user_pb.js";
import type { CreateUserRequestSchema, UpdateUserRequestSchema } from "../../../../gen/latchkey/v1/user_service_pb.js";
import { RouteError } from "../failure.js";
import { asUuid } from "../ids.js";
import type { EntityRequest, entityResponse } from "./schemas.js";

/** What BioT calls its kinds of users in paths, and what the field `kind` of a user says. */
export const kinds = { patients: "patient", caregivers: "caregiver", organizations: "organization_user" } as const;
export type Kind = (typeof kinds)[keyof typeof kinds];

/** What is not kept with a user: what Latchkey has fields for, what it makes itself, and passwords, which it has not. */
const ownAttributes = new Set([
  "_id",
  "_ownerOrganization",
  "_username",
  "_phone",
  "_email",
  "_mfa",
  "_credentialType",
  "_password",
  "_enabled",
  "_invitationAccepted",
  "_creationTime",
  "_lastModifiedTime",
]);

/** Returns what a user is created with. Without the credential type OTP it can't sign in. */
export function newUserOf(kind: Kind, body: EntityRequest): MessageInitShape<typeof CreateUserRequestSchema> {
  refuseSecondFactor(body);
  const { _ownerOrganization, _credentialType, _username = "" } = body;
  const named = namedBy(_username);
  return {
    kind,
    phone: body._phone ?? named.phone,
    email: body._email ?? named.email,
    username: named.username,
    displayName: displayNameOf(body),
    ownerOrganization: _ownerOrganization?.id ?? "",
    appAttributes: keptOf(body),
    credentialType: _credentialType === "OTP" ? CredentialType.OTP : CredentialType.NONE,
  };
}

/** Returns what changes. Null: nothing. Throws `RouteError` for what can't be changed. */
export function changesOf(user: User, body: EntityRequest): MessageInitShape<typeof UpdateUserRequestSchema> | null {
  refuseSecondFactor(body);
  if (body._credentialType !== undefined) refuse("_credentialType", "is set at registration and can't be changed");
  if (body._password !== undefined) refuse("_password", "can't be set: Latchkey has no passwords");
  const { _phone, _email, _username, _name, _ownerOrganization } = body;
  if (_username !== undefined && _username !== usernameOf(user)) refuse("_username", "can't be changed here: use UpdateUser");
  const values = user.contacts.map(({ value }) => value);
  for (const [field, value] of Object.entries({ _phone, _email })) {
    if (value !== undefined && !values.includes(value)) refuse(field, "can't be changed here: use AddContact of UserService");
  }
  const kept = keptOf(body);
  const paths = [
    ...(_name === undefined ? [] : ["display_name"]),
    ...(_ownerOrganization === undefined ? [] : ["owner_organization"]),
    ...(Object.keys(kept).length === 0 ? [] : ["app_attributes"]),
  ];
  if (paths.length === 0) return null;
  return {
    userId: user.userId,
    displayName: displayNameOf(body),
    ownerOrganization: _ownerOrganization?.id ?? "",
    appAttributes: { ...user.appAttributes, ...kept },
    updateMask: { paths },
  };
}

/** BioT's username is the name of a user who has one, and otherwise a contact. */
function usernameOf(user: User): string {
  return user.username || (contactOf(user, ContactKind.PHONE) ?? contactOf(user, ContactKind.EMAIL) ?? "");
}

function contactOf(user: User, wanted: ContactKind): string | undefined {
  return user.contacts.find(({ kind }) => kind === wanted)?.value;
}

export function toEntity(user: User): Static<typeof entityResponse> {
  const joinedAt = timestampDate(user.joinedAt!).toISOString();
  const [phone, email] = [contactOf(user, ContactKind.PHONE), contactOf(user, ContactKind.EMAIL)];
  return {
    _name: { firstName: user.displayName, lastName: "" },
    ...user.appAttributes,
    _id: user.userId,
    _username: usernameOf(user),
    ...(phone !== undefined && { _phone: phone }),
    ...(email !== undefined && { _email: email }),
    _ownerOrganization: { id: asUuid(user.ownerOrganization) },
    _credentialType: user.credentialType === CredentialType.NONE ? "PASSWORD" : "OTP",
    _enabled: user.state === UserState.LOCKED ? "DISABLED" : "ENABLED",
    _invitationAccepted: user.state !== UserState.INVITED,
    _creationTime: joinedAt,
    _lastModifiedTime: joinedAt,
  };
}

/** BioT's usernames are phone numbers, e-mail addresses or names. */
function namedBy(username: string): { readonly phone: string; readonly email: string; readonly username: string } {
  const none = { phone: "", email: "", username: "" };
  if (username.startsWith("+")) return { ...none, phone: username };
  return username.includes("@") ? { ...none, email: username } : { ...none, username };
}

function displayNameOf({ _name: { firstName = "", lastName = "" } = {} }: EntityRequest): string {
  return `${firstName} ${lastName}`.trim();
}

function keptOf(body: EntityRequest): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([key]) => !ownAttributes.has(key))) as JsonObject;
}

function refuseSecondFactor({ _mfa }: EntityRequest): void {
  if (_mfa?.enabled === true) refuse("_mfa", "can't be enabled: Latchkey has no second factor yet");
}

export function refuse(field: string, description: string): never {
  throw new RouteError("REQUEST_INVALID", `${field}: ${description}`);
}
