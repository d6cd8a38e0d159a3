import { createPerson, nameOf } from "./person.js";
import { type Fields, idFields, isFields, isTrue, rowOf } from "./row.js";
import type { Vendor } from "./vendor.js";

/**
 * Entities of the organization API, or answers of `/ums/v2/users`. BioT says of no contact that it is verified. Attributes of its
 * own begin with an underscore; the others are the customer's.
 */
export const biot: Vendor = {
  title: "BioT",
  columns: null,
  read: (fields) => ("_id" in fields ? entity(fields) : account(fields)),
};

/** Attributes that Latchkey has fields for, makes itself, or has not. */
const ownAttributes = new Set([
  "_id",
  "_userType",
  "_ownerOrganization",
  "_username",
  "_phone",
  "_email",
  "_locale",
  "_mfa",
  "_credentialType",
  "_password",
  "_enabled",
  "_invitationAccepted",
  "_creationTime",
  "_lastModifiedTime",
  "_referencers",
]);

function entity(fields: Fields): Fields {
  const { _id, _name, _userType, _ownerOrganization, _enabled, _invitationAccepted, _locale } = fields;
  const person = createPerson();
  person.contact("phone", fields._phone, null);
  person.contact("email", fields._email, null);
  person.username(fields._username);
  person.locale(_locale);
  person.keep(Object.fromEntries(Object.entries(fields).filter(([name]) => !ownAttributes.has(name))));
  const isLocked = _enabled === "DISABLED" || _enabled === false;
  const name = isFields(_name) ? _name : {};
  return person.fields({
    ...idFields(_id),
    display_name: nameOf(undefined, name.firstName, name.lastName),
    kind: typeof _userType === "string" ? _userType.replaceAll("-", "_") : undefined,
    owner_organization: isFields(_ownerOrganization) ? _ownerOrganization.id : undefined,
    credential_type: credentialType(fields._credentialType),
    state: isLocked ? "locked" : _invitationAccepted === false ? "invited" : "active",
  });
}

function account(fields: Fields): Fields {
  const row = rowOf(fields);
  const person = createPerson();
  person.username(row("username"));
  person.roles(row("groups"));
  const isLocked = isTrue("locked", row("locked")) === true || isTrue("active", row("active")) === false;
  return person.fields({
    ...idFields(row("id")),
    owner_organization: row("ownerOrganizationId"),
    credential_type: credentialType(row("credentialType")),
    state: isLocked ? "locked" : "active",
  });
}

/** At BioT codes sign in only users of the type OTP, and PASSWORD is the default. */
function credentialType(type: unknown): "otp" | "none" {
  return type === "OTP" ? "otp" : "none";
}
