import type { Caller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
import { channelAmong, channelOf, reaches } from "../model/channel.js";
import type { Contact, ContactKind } from "../model/contact.js";
import { canonicalContact, canonicalUsername, type Identifier, isContact } from "../model/identifier.js";
import type { FieldViolation } from "../model/violation.js";
import type { Deps } from "./deps.js";
import { AuthError, accepted, invalidField } from "./errors.js";
import type { Idempotency } from "./idempotency.js";
import { issueChallenges, recipientOf } from "./issue-challenges.js";
import { type Profile, sealProfile } from "./profile.js";
import { refuseCountry } from "./refuse-country.js";

export interface RegisterUserInput {
  /** An empty string means that the value was not given. */
  readonly username: string;
  readonly email: string;
  readonly phone: string;
  readonly displayName: string;
  readonly locale: string;
  readonly verificationSources: readonly ContactKind[];
  /** As returned by `customAttributesText`. */
  readonly customAttributes: string;
  readonly idempotency: Idempotency;
}

/**
 * Stores a pending registration and queues a code for each contact. It reserves nothing: the first proof gets the contact. The
 * result is the same for a contact that already has a user; only the message sent to it says so. An app that reveals its users
 * refuses a contact or username of a user as ALREADY_EXISTS.
 */
export async function registerUser(deps: Deps, caller: Caller, input: RegisterUserInput): Promise<readonly Challenge[]> {
  if (!caller.policy.registration && !caller.confidential) {
    throw new AuthError("PURPOSE_NOT_ALLOWED", { detail: "registration is switched off" });
  }
  const given = givenContacts(caller, input);
  const contacts = contactsToProve(caller, input, given);
  const { locale, idempotency } = input;
  const profile: Profile = {
    username: input.username === "" ? null : accepted(canonicalUsername(input.username)),
    displayName: input.displayName,
    locale,
    customAttributes: input.customAttributes,
  };
  return await issueChallenges(deps, caller, {
    method: "RegisterUser",
    idempotency,
    budget: "registration",
    wanted: contacts.map((contact) => ({
      purpose: "registration",
      channel: channelAmong(caller.policy.channels, contact.kind),
      identifier: contact,
    })),
    findRecipient: false,
    destinationOf: ({ identifier }) => ({ contact: identifier as Contact, userId: null, decoy: false, locale }),
    revealed: () => takenRefusal(deps, caller, profile.username === null ? given : [...given, usernameOf(profile.username)]),
    registration: () => sealProfile(deps, profile),
  });
}

const usernameOf = (value: string) => ({ kind: "username", value }) as const;

/** Returns the refusal of a registration with an identifier of a user of the app, or null if it has none. */
async function takenRefusal(deps: Deps, caller: Caller, identifiers: readonly Identifier[]): Promise<AuthError | null> {
  for (const identifier of identifiers) {
    const channel = isContact(identifier) ? channelOf[identifier.kind] : "email";
    const found = await deps.store.challenges.prepareSend({
      idempotency: null,
      recipientOf: recipientOf(caller, { identifier, channel }),
      guards: [],
      now: deps.clock(),
    });
    const recipient = found.kind === "ready" ? found.recipient : null;
    if (recipient === null || recipient.standing === "stranger") continue;
    return new AuthError("ALREADY_EXISTS", { metadata: { field: identifier.kind } });
  }
  return null;
}

/** Returns the contacts of a request, e-mail first. Throws REQUEST_INVALID if there is none. */
function givenContacts(caller: Caller, input: RegisterUserInput): readonly Contact[] {
  const contacts: Contact[] = [];
  if (input.email !== "") contacts.push(accepted(canonicalContact(caller.policy, "email", input.email)));
  if (input.phone !== "") contacts.push(accepted(canonicalContact(caller.policy, "phone", input.phone)));
  if (contacts.length > 0) return contacts;
  const description = "give an e-mail address, a phone number, or both";
  const violations: FieldViolation[] = ["email", "phone"].map((field) => ({ field, description }));
  throw new AuthError("REQUEST_INVALID", { detail: "no contact", violations });
}

/**
 * Returns the contacts to prove: those that the policy or the caller wants proven, of the ones given. Throws REQUEST_INVALID if one
 * of them is not given.
 */
function contactsToProve(caller: Caller, input: RegisterUserInput, contacts: readonly Contact[]): readonly Contact[] {
  const required = requiredSources(caller, input) ?? contacts.map(({ kind }) => kind);
  const has = (kind: ContactKind) => contacts.some((contact) => contact.kind === kind);
  const lacking = required.find((kind) => !has(kind));
  if (lacking !== undefined) throw invalidField(lacking, "must not be empty: the app requires it for registrations");
  const missing = input.verificationSources.find((kind) => !has(kind));
  if (missing !== undefined) throw invalidField("verification_sources", `names ${missing}, but the request has no ${missing}`);
  const wanted = contacts.filter(({ kind }) => required.includes(kind) || input.verificationSources.includes(kind));
  if (wanted.length === 0) throw invalidField("verification_sources", "must name a contact of the request to prove");
  const unreachable = wanted.find(({ kind }) => !reaches(caller.policy.channels, kind));
  if (unreachable !== undefined) throw new AuthError("CHANNEL_UNAVAILABLE", { detail: channelOf[unreachable.kind] });
  for (const contact of wanted) refuseCountry(caller.policy, channelOf[contact.kind], contact);
  return wanted;
}

/** Null: every contact that is given. */
function requiredSources({ policy }: Caller, { verificationSources }: RegisterUserInput): readonly ContactKind[] | null {
  const { registrationSources, defaultSources } = policy;
  if (registrationSources !== null || defaultSources === null) return registrationSources;
  return verificationSources.length > 0 ? [] : defaultSources;
}
