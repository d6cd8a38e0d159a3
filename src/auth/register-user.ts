import { randomId } from "../crypto/random.js";
import type { Caller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
import { channelOf } from "../model/channel.js";
import type { Contact, ContactKind } from "../model/contact.js";
import { canonicalContact, canonicalUsername } from "../model/identifier.js";
import type { FieldViolation } from "../model/violation.js";
import { sendGuard } from "./budgets.js";
import type { Deps } from "./deps.js";
import { AuthError, accepted, invalidField } from "./errors.js";
import type { Idempotency } from "./idempotency.js";
import { idempotencyMac } from "./idempotency.js";
import { tooManyRequests } from "./limits.js";
import { deliverAt, draftChallenge } from "./new-challenge.js";
import type { Profile } from "./profile.js";

export interface RegisterUserInput {
  /** Empty strings: not given. */
  readonly username: string;
  readonly email: string;
  readonly phone: string;
  readonly displayName: string;
  readonly locale: string;
  readonly verificationSources: readonly ContactKind[];
  /** As `customAttributesText` gives them. */
  readonly customAttributes: string;
  readonly idempotency: Idempotency;
}

/**
 * Stores a pending registration and queues a code for every contact. It reserves nothing: the first proof gets the contact. A contact
 * that has a user makes no difference here; only the message that it receives says so.
 */
export async function registerUser(deps: Deps, caller: Caller, input: RegisterUserInput): Promise<readonly Challenge[]> {
  const { store } = deps;
  const { policy } = caller;
  const contacts = contactsOf(caller, input);
  const profile: Profile = {
    username: input.username === "" ? null : accepted(canonicalUsername(input.username)),
    displayName: input.displayName,
    locale: input.locale,
    customAttributes: input.customAttributes,
  };
  const requesterKey = deps.lookup.requester(caller.client.clientId, caller.address);
  const idempotency = idempotencyMac(deps, caller, { method: "RegisterUser", requesterKey, idempotency: input.idempotency });
  const purpose = "registration" as const;
  const plans = contacts.map((contact) => {
    const channel = channelOf[contact.kind];
    const identifierKey = deps.lookup.identifier(contact);
    const plan = { contact, identifier: contact, channel, purpose, identifierKey, requesterKey, locale: input.locale };
    return { plan: { userId: null, decoy: false, ...plan }, guard: sendGuard(policy, plan) };
  });

  const askedAt = deps.clock();
  const guards = plans.map(({ guard }) => guard);
  const prepared = await store.challenges.prepareSend({ idempotency, recipientOf: null, guards, now: askedAt });
  if (prepared.kind === "replayed") return prepared.challenges;
  if (prepared.kind === "limited") throw tooManyRequests(deps, "registration", prepared, askedAt);

  const drafts = await deps.codes.withSlot("send", caller, async (slot) => {
    const made = [];
    for (const { plan, guard } of plans) made.push({ draft: await draftChallenge(deps, slot, { plan, caller }), guard });
    return made;
  });
  const registrationId = randomId();
  const sealedProfile = deps.sealer.seal("profile", Buffer.from(JSON.stringify(profile)), registrationId);
  const now = deps.clock();
  const dueAt = deliverAt(policy, now);
  const challenges = drafts.map(({ draft, guard }) => ({ challenge: { expiresAt: now + policy.codeTtlMs, ...draft }, guard }));
  const issued = await store.challenges.issue({
    idempotency,
    registration: { registrationId, sealedProfile },
    challenges,
    deliverAt: dueAt,
    now,
  });
  if (issued.kind === "limited") throw tooManyRequests(deps, "registration", issued, now);
  if (issued.kind === "issued") {
    deps.wakeOutbox(dueAt);
    for (const challenge of issued.challenges) deps.metrics.challengeIssued(challenge, false);
    const challengeIds = issued.challenges.map(({ challengeId }) => challengeId);
    deps.log.info(
      { challengeIds, clientId: caller.client.clientId, correlationId: caller.correlationId },
      "registration started",
    );
  }
  return issued.challenges;
}

/** The contacts given, all of which must be proven; e-mail first. Asking to prove one that is not given is a mistake. */
function contactsOf(caller: Caller, input: RegisterUserInput): Contact[] {
  const contacts: Contact[] = [];
  if (input.email !== "") contacts.push(accepted(canonicalContact(caller.policy, "email", input.email)));
  if (input.phone !== "") contacts.push(accepted(canonicalContact(caller.policy, "phone", input.phone)));
  if (contacts.length === 0) {
    const description = "give an e-mail address, a phone number, or both";
    const violations: FieldViolation[] = ["email", "phone"].map((field) => ({ field, description }));
    throw new AuthError("REQUEST_INVALID", { detail: "no contact", violations });
  }
  const missing = input.verificationSources.find((kind) => contacts.every((contact) => contact.kind !== kind));
  if (missing !== undefined) throw invalidField("verification_sources", `names ${missing}, which is not given`);
  const unreachable = contacts.find(({ kind }) => !caller.policy.channels.includes(channelOf[kind]));
  if (unreachable !== undefined) throw new AuthError("CHANNEL_UNAVAILABLE", { detail: channelOf[unreachable.kind] });
  return contacts;
}
