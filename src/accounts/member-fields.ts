import type { JsonObject } from "@bufbuild/protobuf";
import { isPrintable } from "../apps/app-rules.js";
import { randomUuid } from "../crypto/random.js";
import type { App } from "../model/app.js";
import type { ContactKind } from "../model/contact.js";
import { attributesText } from "../model/custom-attributes.js";
import { canonicalContact, canonicalUserId, canonicalUsername } from "../model/identifier.js";
import type { EpochMs } from "../model/time.js";
import { type CredentialType, contactsPerKindMax, type MemberState, type UserContact } from "../model/user.js";
import { type FieldViolation, isViolation } from "../model/violation.js";
import type { MemberChanges, NewMember } from "../store/port/users.js";

/** What an administrator says about a user. Empty or undefined: nothing. */
export interface MemberFields {
  readonly username?: string;
  readonly displayName?: string;
  readonly locale?: string;
  readonly customAttributes?: JsonObject | undefined;
  /** Of the app's list. */
  readonly roles?: readonly string[];
  readonly kind?: string;
  /** Empty: that of the app. */
  readonly ownerOrganization?: string;
  readonly externalId?: string;
  readonly appAttributes?: JsonObject | undefined;
}

/** A contact as a caller wrote it. `verifiedAt` null: it becomes a claim. */
export interface GivenContact {
  readonly kind: ContactKind;
  readonly value: string;
  readonly verifiedAt: EpochMs | null;
}

/** A user to create or join. */
export interface NewMemberFields extends MemberFields {
  readonly contacts: readonly GivenContact[];
  /** Undefined: `otp`. */
  readonly credentialType?: CredentialType | undefined;
  /** Undefined: the next ones. Only imports give them. */
  readonly userId?: string | undefined;
  readonly number?: number | undefined;
}

export type Checked<T> =
  | { readonly kind: "good"; readonly value: T }
  | { readonly kind: "bad"; readonly violations: readonly FieldViolation[] };

const rolesMax = 32;
/** Larger numbers are not exact in JSON. */
const numberMax = Number.MAX_SAFE_INTEGER;

/** Brings a new user into canonical form, or returns everything that is wrong with it, with fields named as in the API. */
export function checkNewMember(app: App, fields: NewMemberFields, state: MemberState): Checked<NewMember> {
  const violations: FieldViolation[] = [];
  const contacts = checkContacts(app, fields.contacts, violations);
  const { userId, number, credentialType = "otp" } = fields;
  if (credentialType === "test" && contacts.some(({ verifiedAt }) => verifiedAt !== null)) {
    violations.push({ field: "verified", description: "must be empty for a test account, none of whose contacts is verified" });
  }
  const givenId = userId === undefined ? randomUuid() : canonicalUserId(userId);
  if (isViolation(givenId)) violations.push(givenId);
  if (number !== undefined && !(Number.isSafeInteger(number) && number >= 1 && number <= numberMax)) {
    violations.push({ field: "number", description: `must be a whole number from 1 to ${numberMax}` });
  }
  const checked = checkMemberFields(app, fields);
  if (checked.kind === "bad") return { kind: "bad", violations: [...violations, ...checked.violations] };
  if (violations.length > 0 || isViolation(givenId)) return { kind: "bad", violations };
  const { username = null, displayName = "", locale = "", customAttributes = "", ...rest } = checked.value;
  return {
    kind: "good",
    value: {
      user: { userId: givenId, number: number ?? null, username, displayName, locale, customAttributes },
      contacts,
      membership: {
        roles: [],
        kind: "",
        ownerOrganization: app.ownerOrganization,
        externalId: null,
        appAttributes: "",
        ...rest,
        credentialType,
        state,
      },
    },
  };
}

function checkContacts(app: App, given: readonly GivenContact[], violations: FieldViolation[]): UserContact[] {
  const contacts: UserContact[] = [];
  for (const { kind, value, verifiedAt } of given) {
    const contact = canonicalContact(app.policy, kind, value);
    if (isViolation(contact)) violations.push(contact);
    else contacts.push({ kind, value: contact.value, verifiedAt });
  }
  if (given.length === 0) {
    const description = "is missing: give an e-mail address, a phone number, or both";
    violations.push({ field: "email", description }, { field: "phone", description });
  }
  for (const kind of ["email", "phone"] as const) {
    const values = contacts.filter((contact) => contact.kind === kind).map(({ value }) => value);
    if (values.length > contactsPerKindMax) {
      violations.push({ field: kind, description: `is given ${values.length} times: at most ${contactsPerKindMax}` });
    }
    if (new Set(values).size < values.length) violations.push({ field: kind, description: "has one address or number twice" });
  }
  return contacts;
}

/**
 * Checks the fields that have a key, also if the value is undefined, and returns them in canonical form. Fields without a key are
 * left out.
 */
export function checkMemberFields(app: App, fields: MemberFields): Checked<MemberChanges> {
  const violations: FieldViolation[] = [];
  const checked: Record<string, unknown> = {};
  for (const name of names) {
    if (!(name in fields)) continue;
    const result = checks[name](app, fields);
    if (isViolation(result)) violations.push(result);
    else checked[name] = result;
  }
  return violations.length > 0 ? { kind: "bad", violations } : { kind: "good", value: checked as MemberChanges };
}

type Check = (app: App, fields: MemberFields) => unknown;

const checks = {
  username: (_app, { username = "" }) => (username === "" ? null : canonicalUsername(username)),
  displayName: (_app, { displayName = "" }) =>
    [...displayName].length <= 128 && !/\p{Cc}/u.test(displayName)
      ? displayName
      : wrong("display_name", "must be at most 128 characters, without line breaks and control characters"),
  locale: (_app, { locale = "" }) =>
    /^([A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*)?$/.test(locale) && locale.length <= 35
      ? locale
      : wrong("locale", "must be a BCP 47 tag such as en or sv-SE"),
  customAttributes: (_app, { customAttributes }) => attributesText("custom_attributes", customAttributes),
  roles: ({ roles: known }, { roles = [] }) => checkRoles(known, roles),
  kind: (_app, { kind = "" }) =>
    /^[A-Za-z0-9._-]{0,32}$/.test(kind)
      ? kind
      : wrong("kind", "must be at most 32 letters, digits, dots, underscores and hyphens"),
  ownerOrganization: (app, { ownerOrganization = "" }) =>
    isPrintable(ownerOrganization, 64)
      ? ownerOrganization || app.ownerOrganization
      : wrong("owner_organization", "must be at most 64 printable ASCII characters without spaces"),
  externalId: (_app, { externalId = "" }) =>
    isPrintable(externalId, 128)
      ? externalId || null
      : wrong("external_id", "must be at most 128 printable ASCII characters without spaces"),
  appAttributes: (_app, { appAttributes }) => attributesText("app_attributes", appAttributes),
} satisfies Record<keyof MemberFields, Check>;

const names = Object.keys(checks) as (keyof MemberFields)[];

function checkRoles(known: readonly string[], roles: readonly string[]): readonly string[] | FieldViolation {
  if (roles.length > rolesMax) return wrong("roles", `must have at most ${rolesMax} items`);
  const unknown = roles.findIndex((role) => !known.includes(role));
  if (unknown < 0) return [...new Set(roles)];
  return wrong(`roles[${unknown}]`, "is not a role of the app: add it to the app's roles first");
}

function wrong(field: string, description: string): FieldViolation {
  return { field, description };
}
