import { userNotFound } from "../../accounts/deps.js";
import { canonicalKey } from "../../accounts/get-user.js";
import { AuthError } from "../../auth/errors.js";
import { quote } from "../../lib/escape.js";
import type { App } from "../../model/app.js";
import type { Member, MemberKey } from "../../model/user.js";
import type { FoundUser } from "../../store/port/users.js";
import { CliError } from "../io.js";
import type { InApp } from "./with-accounts.js";

export const keyKinds = ["email", "phone", "username", "number", "user_id", "external_id"] as const;
export type KeyKind = (typeof keyKinds)[number];

/** How an operator names a user. */
export interface Naming {
  readonly user: string;
  /** Undefined: the form of the text decides, and an external id can have any form. */
  readonly by?: KeyKind;
}

export interface NamedUser {
  readonly key: MemberKey;
  /** Null: there is no such person in the pool. */
  readonly found: FoundUser | null;
}

/**
 * Finds the person of the pool that a text names. Throws `CliError` if it names two people, and REQUEST_INVALID if it can
 * name no user.
 */
export async function findNamed({ deps, app }: InApp, { user, by }: Naming): Promise<NamedUser> {
  const kinds = by === undefined ? kindsOf(user) : [by];
  const named: { readonly key: MemberKey; readonly found: FoundUser }[] = [];
  let invalid: AuthError | null = null;
  let first: MemberKey | null = null;
  for (const kind of kinds) {
    try {
      const key = keyOf(app, kind, user);
      first ??= key;
      const found = await deps.store.users.find({ poolId: app.poolId, appId: app.appId, key });
      if (found !== null) named.push({ key, found });
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      invalid ??= error;
    }
  }
  const [one, other] = named;
  if (one !== undefined && other !== undefined && one.found.user.userId !== other.found.user.userId) {
    const [a, b] = [one, other].map(({ key, found }) => `the ${words[key.kind]} of user ${found.user.number}`);
    throw new CliError(`${quote(user)} is ${a} and ${b}: add --by ${one.key.kind} or --by ${other.key.kind}.`);
  }
  if (one !== undefined) return one;
  if (invalid !== null) throw invalid;
  return { key: first!, found: null };
}

/** As `findNamed`. Throws USER_NOT_FOUND if the person is no member of the app. */
export async function theNamed(given: InApp, naming: Naming): Promise<Member> {
  const { found } = await findNamed(given, naming);
  if (found === null || found.membership === null) throw userNotFound();
  return { user: found.user, membership: found.membership };
}

const userIdForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function kindsOf(text: string): readonly KeyKind[] {
  if (text.includes("@")) return ["email", "external_id"];
  if (text.startsWith("+")) return ["phone", "external_id"];
  if (userIdForm.test(text)) return ["user_id", "external_id"];
  if (/^[0-9]+$/.test(text)) return ["number", "external_id"];
  return /^[A-Za-z][A-Za-z0-9._-]{2,31}$/.test(text) ? ["username", "external_id"] : ["external_id"];
}

function keyOf(app: App, kind: KeyKind, text: string): MemberKey {
  if (kind !== "number") return canonicalKey(app, { kind, value: text });
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value)) return { kind, value };
  throw new CliError(`A user's number is a whole number such as 42, not ${quote(text)}.`);
}

const words: Readonly<Record<KeyKind, string>> = {
  email: "e-mail address",
  phone: "phone number",
  username: "username",
  number: "number",
  user_id: "user id",
  external_id: "external id",
};
