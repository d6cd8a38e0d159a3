import type { ImportedUser } from "../../../accounts/import-users.js";
import type { GivenContact } from "../../../accounts/member-fields.js";
import { nearest } from "../../../config/suggest.js";
import { quote } from "../../../lib/escape.js";
import type { ContactKind } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";

export type CellKind = "text" | "list" | "number" | "switch" | "object";

/** The columns of CSV, and how a cell is read. JSON lines have fields of the same names, and `contacts`. */
export const columns: Readonly<Record<string, CellKind>> = {
  user_id: "text",
  number: "number",
  external_id: "text",
  username: "text",
  display_name: "text",
  locale: "text",
  email: "text",
  email_verified: "switch",
  email_verified_at: "text",
  phone: "text",
  phone_verified: "switch",
  phone_verified_at: "text",
  custom_attributes: "object",
  roles: "list",
  kind: "text",
  owner_organization: "text",
  app_attributes: "object",
  credential_type: "text",
  state: "text",
};

/** A user as a line of the source describes it. */
export interface Described {
  readonly user: ImportedUser;
  /** Whether the source says that a contact is verified. */
  readonly saysVerified: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Returns the user that a line describes, or everything that is wrong with its form. Values are checked by the import itself. */
export function describe(record: Fields, now: EpochMs): Described | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const fields = new Map(Object.entries(record).filter(([, value]) => value !== null && value !== ""));
  for (const name of fields.keys()) {
    if (!Object.hasOwn(columns, name) && name !== "contacts") problems.push(unknownField(name));
  }

  function take<T>(name: string, isGood: (value: unknown) => value is T, form: string): T | undefined {
    const value = fields.get(name);
    if (value === undefined || isGood(value)) return value;
    problems.push(`${name} must be ${form}`);
    return undefined;
  }
  const text = (name: string): string | undefined => take(name, isText, "a text");

  const contacts = [...contactOf("email"), ...contactOf("phone"), ...listed()];
  const user: ImportedUser = {
    ...given({
      userId: text("user_id"),
      number: take("number", isNumber, "a whole number"),
      externalId: text("external_id"),
      username: text("username"),
      displayName: text("display_name"),
      locale: text("locale"),
      kind: text("kind"),
      ownerOrganization: text("owner_organization"),
      roles: take("roles", isTexts, "a list of texts"),
      customAttributes: take("custom_attributes", isObject, "a JSON object"),
      appAttributes: take("app_attributes", isObject, "a JSON object"),
      credentialType: take("credential_type", isOneOf("otp", "none", "test"), "otp, none or test"),
      state: take("state", isOneOf("active", "invited", "locked"), "active, invited or locked"),
    }),
    contacts,
  };
  if (problems.length > 0) return { problems };
  return { user, saysVerified: contacts.some(({ verifiedAt }) => verifiedAt !== null) };

  function contactOf(kind: ContactKind): readonly GivenContact[] {
    const value = text(kind);
    const verifiedAt = verified({ of: kind, verified: `${kind}_verified`, at: `${kind}_verified_at` });
    if (value !== undefined) return [{ kind, value, verifiedAt }];
    if (verifiedAt !== null) problems.push(`${kind}_verified is given without ${kind}`);
    return [];
  }

  function verified(names: { readonly of: string; readonly verified: string; readonly at: string }): EpochMs | null {
    const isVerified = take(names.verified, isSwitch, "true or false");
    const at = text(names.at);
    if (at !== undefined && isVerified === false) problems.push(`${names.verified} is false, but ${names.at} has a time`);
    if (at === undefined) return isVerified === true ? now : null;
    const time = timeIn(at);
    if (time !== null && time <= now) return time;
    problems.push(`${names.at} must be a time in the past, such as 2026-05-01T12:00:00Z`);
    return null;
  }

  /** `contacts` of JSON lines, as an export writes them. */
  function listed(): readonly GivenContact[] {
    return (take("contacts", isList, "a list of objects") ?? []).flatMap((item, index): GivenContact[] => {
      const { kind, value, verified_at: at = null, ...more } = isObject(item) ? (item as Fields) : {};
      const time = isText(at) ? timeIn(at) : null;
      const isGood = isContactKind(kind) && isText(value) && (at === null || time !== null) && Object.keys(more).length === 0;
      if (isGood && (time === null || time <= now)) return [{ kind, value, verifiedAt: time }];
      problems.push(
        `contacts[${index}] must be {"kind": "email" or "phone", "value": text, "verified_at": null or a time in the past such as ` +
          '"2026-05-01T12:00:00Z"}',
      );
      return [];
    });
  }
}

function unknownField(name: string): string {
  const near = nearest(name, [...Object.keys(columns), "contacts"]);
  return `${quote(name)} is not a field of users${near === undefined ? ": remove it" : `: did you mean ${near}?`}`;
}

const timeForm = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

/** Reads a date, or a time of RFC 3339. A time without a zone means another moment on each machine, so it is refused. */
function timeIn(text: string): EpochMs | null {
  const time = timeForm.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) || time < 0 ? null : time;
}

/** A key with undefined would count as given. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

type Attributes = NonNullable<ImportedUser["appAttributes"]>;

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number";
const isSwitch = (value: unknown): value is boolean => typeof value === "boolean";
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const isTexts = (value: unknown): value is readonly string[] => isList(value) && value.every(isText);
const isContactKind = (value: unknown): value is ContactKind => value === "email" || value === "phone";
const isObject = (value: unknown): value is Attributes => typeof value === "object" && value !== null && !isList(value);
const isOneOf =
  <T extends string>(...words: readonly T[]) =>
  (value: unknown): value is T =>
    words.some((word) => word === value);
