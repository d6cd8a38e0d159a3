import type { UserFieldClaims } from "../crypto/access-token.js";
import type { App } from "../model/app.js";
import type { ContactKind } from "../model/contact.js";
import type { TokenField } from "../model/policy.js";
import type { Membership, User } from "../model/user.js";
import { rolesOf } from "./membership.js";

/** What tokens are made from. `membership` may be null if `wantsMembership` is false. */
export interface TokenSubject {
  readonly user: User;
  readonly membership: Membership | null;
}

/** The claim `app` is at most this many bytes of JSON, so that no token grows larger than callers may send. */
const appClaimMaxBytes = 1024;

/**
 * Returns the claims that the app wants in its tokens. A field that the user lacks is left out, and so is an app attribute that
 * would make the claim `app` too large.
 */
export function fieldClaims(app: App, subject: TokenSubject): UserFieldClaims {
  const { tokenFields, tokenAttributes } = app.policy;
  const claims = tokenFields.map((field) => claimsOf[field](app, subject));
  return Object.assign({}, ...claims, attributeClaims(subject, tokenAttributes)) as UserFieldClaims;
}

const claimsOf: Readonly<Record<TokenField, (app: App, subject: TokenSubject) => UserFieldClaims>> = {
  email: (_app, { user }) => {
    const email = verifiedOf(user, "email");
    return email === undefined ? {} : { email, email_verified: true };
  },
  phone: (_app, { user }) => {
    const phone = verifiedOf(user, "phone");
    return phone === undefined ? {} : { phone_number: phone, phone_number_verified: true };
  },
  username: (_app, { user: { username } }) => (username === null ? {} : { preferred_username: username }),
  roles: (app, { membership }) => ({ roles: rolesOf(app, membership) }),
};

function attributeClaims({ membership }: TokenSubject, names: readonly string[]): UserFieldClaims {
  if (membership === null || membership.appAttributes === "" || names.length === 0) return {};
  const all = JSON.parse(membership.appAttributes) as Readonly<Record<string, unknown>>;
  const kept: [string, unknown][] = [];
  for (const name of names.filter((one) => Object.hasOwn(all, one))) {
    const entry: [string, unknown] = [name, all[name]];
    if (Buffer.byteLength(JSON.stringify(Object.fromEntries([...kept, entry]))) <= appClaimMaxBytes) kept.push(entry);
  }
  return kept.length === 0 ? {} : { app: Object.fromEntries(kept) };
}

function verifiedOf(user: User, kind: ContactKind): string | undefined {
  return user.contacts.find((contact) => contact.kind === kind && contact.verifiedAt !== null)?.value;
}
