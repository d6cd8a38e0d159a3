import type { ContactKind } from "../../../../model/contact.js";
import type { EpochMs } from "../../../../model/time.js";
import { type Fields, isFields, RowError } from "./row.js";

/** A user of a vendor while it is read. Empty values are not taken. */
export interface Person {
  /** A contact that is given twice is taken once, verified if one of them is. The first of a kind is the primary one. */
  contact(kind: ContactKind, value: unknown, verifiedAt: EpochMs | null): void;
  /** A username that is a contact becomes one. One that Latchkey can't have becomes an app attribute. */
  username(value: unknown): void;
  /** Names, or objects with names. A role that no app can have becomes an app attribute. */
  roles(value: unknown): void;
  locale(value: unknown): void;
  /** Keeps what Latchkey has no field for. */
  keep(attributes: Fields): void;
  /** Returns the fields as `import` reads them without `--from`. */
  fields(others: Fields): Fields;
}

interface KnownContact {
  readonly kind: ContactKind;
  readonly value: string;
  readonly verified_at: string | null;
}

const usernameForm = /^[a-z][a-z0-9._-]{2,31}$/i;
const roleForm = /^[A-Za-z0-9._:-]{1,32}$/;
const localeForm = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$/;

export function createPerson(): Person {
  const contacts = new Map<string, KnownContact>();
  const profile: Record<string, unknown> = {};
  const attributes = new Map<string, unknown>();

  function contact(kind: ContactKind, value: unknown, verifiedAt: EpochMs | null): void {
    if (isEmpty(value)) return;
    const text = textOf(kind, value).trim();
    const key = `${kind} ${kind === "email" ? text.toLowerCase() : text.replace(/[^0-9]/g, "")}`;
    const known = contacts.get(key)?.verified_at ?? null;
    const verified_at = known ?? (verifiedAt === null ? null : new Date(verifiedAt).toISOString());
    contacts.set(key, { kind, value: text, verified_at });
  }

  return {
    contact,
    username(value) {
      if (isEmpty(value)) return;
      const text = textOf("username", value).trim();
      if (text.includes("@")) contact("email", text, null);
      else if (text.startsWith("+")) contact("phone", text, null);
      else if (usernameForm.test(text)) profile.username = text;
      else attributes.set("username", text);
    },
    roles(value) {
      const names = (Array.isArray(value) ? value : []).map((role) => (isFields(role) ? role.name : role));
      const fits = (role: unknown) => typeof role === "string" && roleForm.test(role);
      const [roles, others] = [names.filter(fits), names.filter((role) => !fits(role))];
      if (roles.length > 0) profile.roles = roles;
      if (others.length > 0) attributes.set("roles", others);
    },
    locale(value) {
      // Of a list such as `en-US,en;q=0.9`, the first is the one that the user likes best.
      const tag = typeof value === "string" ? value.split(/[,;]/, 1)[0]!.trim().replaceAll("_", "-") : "";
      if (localeForm.test(tag) && tag.length <= 35) profile.locale = tag;
    },
    keep(more) {
      for (const [name, value] of Object.entries(more)) if (!isEmpty(value)) attributes.set(name, value);
    },
    fields(others) {
      return {
        ...profile,
        ...others,
        contacts: [...contacts.values()],
        ...(attributes.size > 0 && { app_attributes: Object.fromEntries(attributes) }),
      };
    },
  };
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

/** Phone numbers may be JSON numbers. */
function textOf(name: string, value: unknown): string {
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new RowError(`has a wrong value: ${name} must be a text`);
}

/** Returns the first part that is not empty, or the parts of a name together. */
export function nameOf(whole: unknown, ...parts: readonly unknown[]): unknown {
  if (!isEmpty(whole)) return whole;
  const name = parts.filter((part) => typeof part === "string" && part !== "").join(" ");
  return name === "" ? undefined : name;
}
