import type { UserFieldClaims } from "../crypto/access-token.js";
import type { ContactKind } from "../model/contact.js";
import type { TokenField } from "../model/policy.js";
import type { User } from "../model/user.js";

/** Returns the claims for the fields of the user that an app wants in its tokens. A field that the user lacks is left out. */
export function fieldClaims(user: User, fields: readonly TokenField[]): UserFieldClaims {
  const claims = fields.map((field) => claimsOf[field](user));
  return Object.assign({}, ...claims) as UserFieldClaims;
}

const claimsOf: Readonly<Record<TokenField, (user: User) => UserFieldClaims>> = {
  email: (user) => {
    const email = firstOf(user, "email");
    return email === undefined ? {} : { email, email_verified: true };
  },
  phone: (user) => {
    const phone = firstOf(user, "phone");
    return phone === undefined ? {} : { phone_number: phone, phone_number_verified: true };
  },
  username: ({ username }) => (username === null ? {} : { preferred_username: username }),
};

/** Every contact of a user is verified: only a proof adds one. */
function firstOf(user: User, kind: ContactKind): string | undefined {
  return user.contacts.find((contact) => contact.kind === kind)?.value;
}
