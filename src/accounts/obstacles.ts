import type { Contact } from "../model/contact.js";
import type { EpochMs } from "../model/time.js";

export type ObstacleKind = keyof typeof meanings;

/** One thing that keeps a person from signing in. */
export interface Obstacle {
  readonly kind: ObstacleKind;
  /** What it means and what to do, in English. */
  readonly text: string;
  /** The part of `text` that says what it means. */
  readonly meaning: string;
  /** When it ends by itself. Null: it does not. */
  readonly until: EpochMs | null;
  /** Null: it is about the person or the app. */
  readonly contact: Contact | null;
}

export function obstacle(
  kind: ObstacleKind,
  { until = null, contact = null }: { readonly until?: EpochMs | null; readonly contact?: Contact | null } = {},
): Obstacle {
  const of = contact === null ? null : { kind: contact.kind, value: contact.value };
  const [meaning, remedy] = meanings[kind];
  return { kind, text: `${meaning} ${remedy}`, meaning, until, contact: of };
}

/** What each kind means, and what a caller of the API can do. */
const meanings = {
  no_such_user: ["The app has no such user.", "Check the value, or create the user with CreateUser."],
  no_membership: [
    "The person uses other apps of the pool, but is no user of this one.",
    "CreateUser or InviteUser joins the person.",
  ],
  locked: ["An administrator has locked the user.", "UnlockUser ends this."],
  credential_none: [
    "The user was created with CREDENTIAL_TYPE_NONE, so codes never sign the user in.",
    "This can't be changed.",
  ],
  contact_unproven: [
    "Only the app has given this contact, and the user has verified another one. A code to it does not sign this user in.",
    "The user can sign in by the verified contact, or AddContact can mark this one as verified.",
  ],
  contact_of_another: [
    "A code to this contact signs in another person, who has verified it or was given it too.",
    "Remove it from this user with RemoveContact.",
  ],
  contact_disabled: [
    "100 wrong codes in a row have disabled the contact.",
    "UnblockUser ends this, and so does a sign-in by another contact.",
  ],
  locked_out: ["Wrong codes have locked the account for a time.", "UnblockUser ends this."],
  too_many_guesses: [
    "Too many guesses were made, so no code is accepted for a time.",
    "UnblockUser resets the limits that count all addresses, not those of one address.",
  ],
  too_many_sends: [
    "No code is sent for a time: the sends are used up, too many codes are live, or the pause between two sends is running.",
    "UnblockUser resets the limits that count all addresses, not those of one address.",
  ],
  no_contact: ["The user has no contact that a code could go to.", "Add one with AddContact."],
  channel_off: [
    "The policy of the app does not allow the channel that reaches this contact.",
    "UpdatePolicy can add it to `channels`, if the deployment has a provider for it.",
  ],
  country_off: [
    "Phone numbers of this country get no messages.",
    "UpdatePolicy can add the country to `sms_countries`, if the deployment allows it.",
  ],
  sign_in_off: ["The policy of the app does not allow sign-ins by code.", "UpdatePolicy can set `code_sign_in`."],
  test_identifier: [
    "A test identifier of the app covers this contact, so no code is sent to it, and its fixed code signs in test accounts alone.",
    "DeleteTestIdentifier ends this.",
  ],
  test_account: [
    "The user is a test account, which only the code of a test identifier signs in, and none covers this contact now.",
    "PutTestIdentifier can set one.",
  ],
  app_archived: ["The app is archived, so all calls of its clients are refused.", "UpdateApp can make it active."],
} as const satisfies Record<string, readonly [meaning: string, remedy: string]>;
