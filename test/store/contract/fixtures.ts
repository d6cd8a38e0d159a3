import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { Challenge, NewChallenge } from "../../../src/model/challenge.js";
import type { Contact } from "../../../src/model/contact.js";
import type { NewSession } from "../../../src/model/session.js";
import type { EpochMs } from "../../../src/model/time.js";
import type { NewMembership, NewUser } from "../../../src/model/user.js";
import type { DatabaseLocation } from "../../../src/store/open.js";
import type { BudgetCharge } from "../../../src/store/port/budgets.js";
import type { SendGuard } from "../../../src/store/port/challenges.js";
import type { EndedTry } from "../../../src/store/port/messages.js";
import type { OutboxMessage, Settlement } from "../../../src/store/port/outbox.js";
import type { RedeemChange } from "../../../src/store/port/redemption.js";
import type { RotateOutcome } from "../../../src/store/port/sessions.js";
import type { Store } from "../../../src/store/port/store.js";

/** An empty database of the engine under test, and where other processes find it. */
export interface Opened {
  readonly store: Store;
  readonly location: DatabaseLocation;
}

export type OpenStore = () => Promise<Opened>;

/** What a test works with; the database is new for each. */
export type Scene = Opened;

export const t0: EpochMs = Date.UTC(2026, 0, 15, 12);
export const second = 1_000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

/** The pool and the app of challenges, sessions and users unless a test names others. */
export const poolId = "main";
export const appId = "default";

let counter = 0;
export function unique(prefix: string): string {
  counter += 1;
  return `${prefix}-${process.pid}-${counter}`;
}

/** Bytes that stand for a text, as keyed hashes do. */
export function bytes(text: string, length = 16): Buffer {
  return createHash("sha256").update(text).digest().subarray(0, length);
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

export function ofKind<T extends { readonly kind: string }, K extends T["kind"]>(
  outcomes: readonly T[],
  kind: K,
): Extract<T, { kind: K }>[] {
  return outcomes.filter((outcome): outcome is Extract<T, { kind: K }> => outcome.kind === kind);
}

/** Fails unless the outcome is of the kind. */
export function expectKind<T extends { readonly kind: string }, K extends T["kind"]>(
  outcome: T,
  kind: K,
): Extract<T, { kind: K }> {
  expect(outcome.kind, JSON.stringify(outcome)).toBe(kind);
  return outcome as Extract<T, { kind: K }>;
}

export function email(name = unique("person")): Contact {
  return { kind: "email", value: `${name}@example.com` };
}

let lastNumber = 0;
export function phone(): Contact {
  lastNumber += 1;
  return { kind: "phone", value: `+4670${String(1_000_000 + lastNumber)}` };
}

export function newChallenge(changes: Partial<NewChallenge> = {}): NewChallenge {
  const challengeId = unique("challenge");
  const contact = changes.contact === undefined ? email(challengeId) : changes.contact;
  const identifierKey = changes.identifierKey ?? bytes(contact?.value ?? challengeId);
  return {
    challengeId,
    poolId,
    appId,
    clientId: "client",
    purpose: "login",
    channel: contact?.kind === "phone" ? "sms" : "email",
    identifierKey,
    budgetKey: identifierKey,
    requesterKey: bytes("requester"),
    contact,
    userId: null,
    replaces: null,
    decoy: false,
    isTest: false,
    maskedDestination: "p***@example.com",
    locale: "en",
    codeLength: 6,
    codeHash: { profile: "fast", pepperId: "pepper", salt: bytes("salt"), tag: bytes(challengeId, 32) },
    sealedCode: Buffer.from(`sealed code of ${challengeId}`),
    attemptsMax: 5,
    sendsMax: 5,
    expiresAt: t0 + 5 * minute,
    ...changes,
  };
}

/** A guard that refuses nothing unless told to. */
export function guardOf(
  challenge: NewChallenge,
  changes: Partial<SendGuard["live"]> & { readonly charges?: readonly BudgetCharge[] } = {},
): SendGuard {
  const { charges = [], ...live } = changes;
  const { identifierKey, requesterKey, purpose } = challenge;
  return { charges, live: { identifierKey, requesterKey, purpose, perRequesterMax: 1_000, totalMax: 1_000, ...live } };
}

type IssueChange = Parameters<Store["challenges"]["issue"]>[0];

/** One challenge as an input of `issueChallenges`. */
export function issueOf(challenge: NewChallenge, changes: Partial<IssueChange> & { guard?: SendGuard } = {}): IssueChange {
  const { guard = guardOf(challenge), ...rest } = changes;
  return { idempotency: null, registration: null, challenges: [{ challenge, guard }], now: t0, ...rest };
}

/** Issues one challenge. */
export async function issue(
  store: Store,
  changes: Partial<NewChallenge> = {},
  how: { readonly now?: EpochMs; readonly charges?: readonly BudgetCharge[]; readonly idempotency?: Uint8Array } = {},
): Promise<Challenge> {
  const { now = t0, charges = [], idempotency = null } = how;
  const challenge = newChallenge({ expiresAt: now + 5 * minute, ...changes });
  const outcome = await store.challenges.issue(
    issueOf(challenge, { idempotency, now, guard: guardOf(challenge, { charges }) }),
  );
  return expectKind(outcome, "issued").challenges[0]!;
}

/** Issues the challenges of one pending registration. */
export async function register(
  store: Store,
  contacts: readonly Contact[],
  changes: Partial<NewChallenge> = {},
): Promise<Challenge[]> {
  const outcome = await store.challenges.issue({
    idempotency: null,
    registration: { registrationId: unique("registration"), sealedProfile: Buffer.from(unique("profile")) },
    challenges: contacts.map((contact) => {
      const challenge = newChallenge({ contact, purpose: "registration", ...changes });
      return { challenge, guard: guardOf(challenge) };
    }),
    now: t0,
  });
  return [...expectKind(outcome, "issued").challenges];
}

export function newUser(changes: Partial<NewUser> = {}): NewUser {
  return { userId: unique("user"), username: null, displayName: "Ada", locale: "en", customAttributes: "", ...changes };
}

export function newMembership(changes: Partial<NewMembership> = {}): NewMembership {
  return {
    roles: [],
    kind: "",
    ownerOrganization: "organization",
    externalId: null,
    appAttributes: "",
    credentialType: "otp",
    state: "active",
    ...changes,
  };
}

export function newSession(changes: Partial<NewSession> = {}): NewSession {
  const sessionId = unique("session");
  return {
    sessionId,
    family: bytes(sessionId),
    keyId: "master",
    appId,
    clientId: "client",
    ip: "192.0.2.1",
    userAgent: "test",
    amr: ["latchkey:email"],
    credentialHash: null,
    expiresAt: t0 + 30 * day,
    idleExpiresAt: t0 + 7 * day,
    ...changes,
  };
}

export function redemptionOf(challengeId: string, changes: Partial<RedeemChange> = {}): RedeemChange {
  return {
    challengeId,
    idempotency: null,
    returns: [],
    sendReturns: [],
    newUser: newUser(),
    newMembership: newMembership(),
    trustClaims: false,
    newSession: newSession(),
    sessionsMax: 50,
    lockoutKey: null,
    now: t0 + minute,
    ...changes,
  };
}

/** Redeems a challenge that must sign somebody in and start a session. */
export async function redeem(store: Store, challengeId: string, changes: Partial<RedeemChange> = {}) {
  const outcome = expectKind(await store.challenges.redeem(redemptionOf(challengeId, changes)), "redeemed");
  const { session, ...signedIn } = expectKind(outcome.redemption, "signed_in");
  if (session === null) throw new Error("the redemption started no session");
  return { ...signedIn, session };
}

/** Redeems a challenge of a registration whose other contacts are still to be proven. */
export async function prove(store: Store, challengeId: string): Promise<void> {
  const outcome = expectKind(await store.challenges.redeem(redemptionOf(challengeId)), "redeemed");
  expectKind(outcome.redemption, "pending");
}

/** A user with the contact, signed in; a new one if it has none. */
export async function signIn(store: Store, contact: Contact = email(), changes: Partial<RedeemChange> = {}) {
  const now = changes.now ?? t0;
  const challenge = await issue(store, { contact }, { now });
  return await redeem(store, challenge.challengeId, { now, ...changes });
}

export type RotateChange = Parameters<Store["sessions"]["rotate"]>[0];

export function rotationOf(session: NewSession, changes: Partial<RotateChange> = {}): RotateChange {
  return {
    family: session.family,
    generation: 0,
    clientId: session.clientId,
    idempotency: null,
    graceMs: 10 * second,
    idleMs: 7 * day,
    now: t0 + hour,
    ...changes,
  };
}

export async function rotate(store: Store, session: NewSession, changes: Partial<RotateChange> = {}): Promise<RotateOutcome> {
  return await store.sessions.rotate(rotationOf(session, changes));
}

export function attemptOf(
  challenge: Pick<Challenge, "challengeId" | "clientId">,
  changes: Partial<AttemptChange> = {},
): AttemptChange {
  return {
    challengeId: challenge.challengeId,
    clientId: challenge.clientId,
    requester: chargeOf(`requester's guesses of ${challenge.challengeId}`, 1_000),
    identifier: chargeOf(`guesses of ${challenge.challengeId}`, 1_000),
    userRequester: chargeOf(`requester's user guesses of ${challenge.challengeId}`, 1_000),
    user: chargeOf(`user guesses of ${challenge.challengeId}`, 1_000),
    contact: null,
    lockout: null,
    now: t0 + minute,
    ...changes,
  };
}

export type AttemptChange = Parameters<Store["challenges"]["takeAttempt"]>[0];

export function chargeOf(name: string, max: number, windowMs = hour, hold?: BudgetCharge["hold"]): BudgetCharge {
  return { key: bytes(name), limits: [{ max, windowMs }], hold };
}

const ever = 10 * 365 * day;

/**
 * What is spent of a budget, and until when it is held: read through the port without spending anything, from the `retryAt` of
 * charges for the first, second, … unit in a window that never ends.
 */
export async function budgetOf(store: Store, key: Uint8Array, now: EpochMs) {
  const probe = async (max: number) => {
    const guard = guardOf(newChallenge(), { charges: [{ key, limits: [{ max, windowMs: ever }] }] });
    const outcome = await store.challenges.prepareSend({ idempotency: null, recipientOf: null, guards: [guard], now });
    return outcome.kind === "limited" ? outcome.retryAt : null;
  };
  const holdUntil = await probe(1_000_000);
  const spent: EpochMs[] = [];
  for (let max = 1; max < 1_000_000; max += 1) {
    const retryAt = await probe(max);
    if (retryAt === null || retryAt === holdUntil) break;
    spent.unshift(retryAt - ever);
  }
  return { spent, holdUntil };
}

/** The challenges that messages are due for, null for messages with nothing to send. Gives the leases back at once. */
export async function queued(store: Store, now: EpochMs): Promise<(string | null)[]> {
  const messages = await store.outbox.claim({ now, leaseMs: 0, limit: 10_000 });
  return messages.map(({ delivery }) => (delivery?.sealedCode ? delivery.challengeId : null)).sort();
}

/** The settlement of a message that was sent or given up. */
export function done({ outboxId, tries }: Pick<OutboxMessage, "outboxId" | "tries">): Settlement {
  return { outboxId, tries, retryAt: null, carrier: 0, unknowns: 0, ended: null };
}

/** The settlement of a message that is tried again at `retryAt`. */
export function putOff(message: Pick<OutboxMessage, "outboxId" | "tries">, retryAt: number): Settlement {
  return { ...done(message), retryAt };
}

/** A try of a claimed message by a carrier. */
export function endedTry(message: OutboxMessage, provider: string, result: "sent" | "temporary"): EndedTry {
  const { appId, userId, challengeId, purpose, channel } = message.delivery!;
  const { queuedAt } = message;
  return {
    messageId: message.outboxId,
    reference: `reference-${challengeId}`,
    message: { appId, userId, challengeId, purpose, channel, maskedDestination: "a***@example.com", country: null, queuedAt },
    contactKey: bytes("contact"),
    ended: { provider, result, endedAt: t0 + message.tries, detail: result },
    status: result === "sent" ? "sent" : "queued",
    providerMessageId: null,
    segments: null,
    price: null,
  };
}

/** Does something and asserts that nothing of what the port shows has changed: challenges, budgets, outbox, sessions. */
export async function expectNothingHappened<T>(
  store: Store,
  watched: {
    readonly now: EpochMs;
    readonly challenges?: readonly string[];
    readonly budgets?: readonly Uint8Array[];
    readonly users?: readonly string[];
  },
  act: () => Promise<T>,
): Promise<T> {
  const { now, challenges = [], budgets = [], users = [] } = watched;
  const look = async () => ({
    challenges: await Promise.all(challenges.map((challengeId) => store.challenges.find(challengeId))),
    budgets: await Promise.all(budgets.map((key) => budgetOf(store, key, now))),
    sessions: await Promise.all(users.map((userId) => store.sessions.list({ userId, appId, now }))),
    queued: await queued(store, now),
  });
  const before = await look();
  const outcome = await act();
  expect(await look()).toEqual(before);
  return outcome;
}
