import type { UserCaller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
import { channelAmong } from "../model/channel.js";
import type { Contact, ContactKind } from "../model/contact.js";
import { canonicalContact } from "../model/identifier.js";
import { contactsPerKindMax, type User } from "../model/user.js";
import type { Deps } from "./deps.js";
import { AuthError, accepted, invalidField } from "./errors.js";
import type { Idempotency } from "./idempotency.js";
import { issueChallenges } from "./issue-challenges.js";
import { testAmr } from "./new-session.js";
import { refuseCountry } from "./refuse-country.js";

export interface StartContactChangeInput {
  /** As the caller wrote it. */
  readonly contact: { readonly kind: ContactKind; readonly value: string };
  /** The contact to remove when the new one is proven, as the caller wrote it. Empty: none. */
  readonly replace: string;
  readonly idempotency: Idempotency;
}

/**
 * Queues a code to a contact that the calling user wants to have. Nothing changes until the code comes back. The answer is the
 * same for a contact of another user. Throws PURPOSE_NOT_ALLOWED for a test account.
 */
export async function startContactChange(deps: Deps, caller: UserCaller, input: StartContactChangeInput): Promise<Challenge> {
  // The store refuses it too. This spares a code that could not be redeemed.
  if (caller.session.amr.includes(testAmr)) {
    throw new AuthError("PURPOSE_NOT_ALLOWED", { detail: "a test account verifies no contact" });
  }
  const { kind, value } = input.contact;
  const contact = accepted(canonicalContact(caller.policy, kind, value));
  const channel = channelAmong(caller.policy.channels, kind);
  if (!caller.policy.channels.includes(channel)) throw new AuthError("CHANNEL_UNAVAILABLE", { detail: channel });
  refuseCountry(caller.policy, channel, contact);
  const replaces = input.replace === "" ? null : replacedBy(caller, contact, input.replace);
  refuseTooManyContacts(caller.user, { contact, replaces });
  const { userId, locale } = caller.user;
  const [challenge] = await issueChallenges(deps, caller, {
    method: `StartContactChange of ${userId}`,
    idempotency: input.idempotency,
    budget: "send",
    wanted: [{ purpose: "change_contact", channel, identifier: contact }],
    findRecipient: false,
    destinationOf: () => ({ contact, userId, replaces, decoy: false, locale }),
  });
  return challenge!;
}

/** Returns the canonical value of the contact to remove. Throws REQUEST_INVALID if the user has no such contact of this kind. */
function replacedBy({ policy, user }: UserCaller, { kind, value }: Contact, text: string): string {
  const replaced = canonicalContact(policy, kind, text);
  const found = user.contacts.find((one) => one.kind === kind && "value" in replaced && one.value === replaced.value);
  if (found === undefined) throw invalidField("replace", `must be a contact of yours of the same kind (${kind}), or empty`);
  if (found.value === value) throw invalidField("replace", "must not be the new contact: leave it empty");
  return found.value;
}

/** Throws TOO_MANY_CONTACTS if the user has no room for another contact of this kind. */
export function refuseTooManyContacts(
  { contacts }: User,
  { contact, replaces }: { readonly contact: Contact; readonly replaces: string | null },
): void {
  const { kind, value } = contact;
  const others = contacts.filter((one) => one.kind === kind && one.value !== value && one.value !== replaces);
  if (others.length >= contactsPerKindMax) throw new AuthError("TOO_MANY_CONTACTS");
}
