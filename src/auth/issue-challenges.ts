import { randomDelay } from "../crypto/random.js";
import type { Caller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
import type { Channel } from "../model/channel.js";
import { channelReaches, isContact } from "../model/identifier.js";
import type { Budget } from "../model/metrics.js";
import type { Policy } from "../model/policy.js";
import type { EpochMs } from "../model/time.js";
import type { MessageWords } from "../model/wording.js";
import type { BudgetCharge } from "../store/port/budgets.js";
import type { Recipient } from "../store/port/challenges.js";
import { messageCharges, numberCharges, registrationCallCharges, sendCallCharges } from "./brakes.js";
import { ownSendsKey, paidCharges, sendGuard } from "./budgets.js";
import { type CodeOptions, noCodeOptions } from "./code-options.js";
import type { Deps } from "./deps.js";
import type { AuthError } from "./errors.js";
import { type Idempotency, idempotencyMac } from "./idempotency.js";
import { tooManyRequests } from "./limits.js";
import { refuseLocked, refuseLockedUser } from "./lockout.js";
import { type ChallengePlan, type Destination, draftChallenge, type Wanted } from "./new-challenge.js";
import { requesterKeyOf } from "./requester.js";
import { planTests, testDestination } from "./test-identifiers.js";
import { laterStepsOf, withLater } from "./workflow.js";

interface IssueInput {
  /** The name of the RPC in idempotency keys. */
  readonly method: string;
  readonly idempotency: Idempotency;
  /** The budget that metrics name if the call is refused. */
  readonly budget: Budget;
  readonly wanted: readonly Wanted[];
  /** Default: as the policy says. */
  readonly code?: CodeOptions;
  /** Default: as the app says. */
  readonly words?: MessageWords | undefined;
  /** Whether the store looks up the recipient of the first requested challenge. */
  readonly findRecipient: boolean;
  /** `recipient` is null if no user was found or none was looked up. */
  readonly destinationOf: (wanted: Wanted, recipient: Recipient | null) => Destination;
  /** What an app that reveals its users refuses the call with. Null: nothing. The budgets are spent all the same. */
  readonly revealed?: (destinations: readonly Destination[]) => Promise<AuthError | null> | AuthError | null;
  /** Creates the pending registration of the challenges. */
  readonly registration?: () => { readonly registrationId: string; readonly sealedProfile: Uint8Array };
}

/**
 * Issues challenges and queues their codes: all or none. A repeated call with the same idempotency key returns the challenges
 * of the first call. Real challenges and decoys take the same steps. Throws TOO_MANY_REQUESTS if a budget is spent, and to
 * confidential clients USER_LOCKED or ACCOUNT_LOCKED if the recipient can't sign in, before a hash is computed. If the app reveals
 * its users, it throws what `revealed` returns.
 */
export async function issueChallenges(deps: Deps, caller: Caller, input: IssueInput): Promise<readonly Challenge[]> {
  const { policy } = caller;
  const { challenges } = deps.store;
  const requesterKey = requesterKeyOf(deps, caller);
  const { method, budget, wanted, code = noCodeOptions } = input;
  const idempotency = idempotencyMac(deps, caller, { method, requesterKey, idempotency: input.idempotency });
  const ttlMs = code.ttlMs ?? policy.codeTtlMs;
  const asked = wanted.map((one, index) => askedOf(deps, caller, { one, requesterKey, ttlMs, isFirst: index === 0 }));
  const askedAt = deps.clock();
  const prepared = await challenges.prepareSend({
    idempotency,
    recipientOf: input.findRecipient ? recipientOf(caller, wanted[0]!) : null,
    guards: asked.map(({ guard }) => guard),
    now: askedAt,
  });
  if (prepared.kind === "replayed") return prepared.challenges;
  if (prepared.kind === "limited") throw tooManyRequests(deps, budget, prepared, askedAt);
  if (input.findRecipient) {
    const { one, keys } = asked[0]!;
    const { identifierKey } = keys;
    const { recipient } = prepared;
    if (one.purpose === "login") refuseLockedUser(caller, recipient);
    await refuseLocked(deps, caller, { identifierKey, contactUserId: recipient?.contact ? recipient.userId : null });
  }

  const tests = await planTests(deps, caller, { wanted, now: askedAt });
  const destinations = asked.map(({ one }, index) => {
    const { recipient } = prepared;
    const { destinationOf } = input;
    const plan = tests?.[index] ?? null;
    return plan === null ? destinationOf(one, recipient) : testDestination(caller, { plan, one, recipient, destinationOf });
  });
  const refusal = policy.revealUsers ? await input.revealed?.(destinations) : null;
  if (refusal) throw await charged(deps, refusal, { budget, charges: asked.flatMap(({ guard }) => guard.charges) });
  const drafts = await deps.codes.withSlot(caller, async (slot) => {
    const made = [];
    for (const [index, { one, keys, guard, later }] of asked.entries()) {
      const { purpose, channel, identifier } = one;
      const { isUnknown: _, ...found } = destinations[index]!;
      const destination = { replaces: null, ...found };
      const { contact } = destination;
      const number = { contact, ...keys, isNamed: isNamed(one) };
      const hiddenOf = (over: Channel) => numberCharges(deps, caller, { channel: over, ...number }).hidden;
      const hidden = withLater(hiddenOf(channel), later, hiddenOf);
      const test = tests?.[index]?.identifier ?? null;
      const challenge: ChallengePlan = { purpose, channel, identifier, isTest: test !== null, ...keys, ...destination };
      const options = test === null ? code : { ...code, custom: test.code };
      made.push({
        draft: await draftChallenge(deps, slot, { plan: challenge, code: options, words: input.words, caller }),
        guard: { ...guard, hidden },
        later,
      });
    }
    return made;
  });
  const now = deps.clock();
  const dueAt = deliverAt(policy, now);
  const expiresAt = now + ttlMs;
  const issued = await challenges.issue({
    idempotency,
    registration: input.registration?.() ?? null,
    challenges: drafts.map(({ draft, guard, later }) => ({
      challenge: { expiresAt, ...draft },
      guard,
      later: later.map(({ channel, delayMs }) => ({ channel, dueAt: dueAt + delayMs })),
    })),
    deliverAt: dueAt,
    now,
  });
  if (issued.kind === "limited") throw tooManyRequests(deps, budget, issued, now);
  if (issued.kind === "issued") {
    deps.wakeOutbox(dueAt);
    for (const challenge of issued.challenges) reportIssued(deps, caller, challenge);
    if (issued.isMuted) deps.metrics.budgetRefused("hidden_number");
  }
  return issued.challenges;
}

/** What one of the requested challenges is counted by. The first one carries the charges of the call. */
function askedOf(deps: Deps, caller: Caller, given: { one: Wanted; requesterKey: Buffer; ttlMs: number; isFirst: boolean }) {
  const { one, requesterKey, ttlMs, isFirst } = given;
  const { purpose, channel, identifier } = one;
  const { poolId } = caller.app;
  const keys = {
    identifierKey: deps.lookup.identifier(poolId, identifier),
    budgetKey: deps.lookup.budget(poolId, identifier),
    requesterKey,
  };
  const guard = sendGuard(caller.policy, { purpose, channel, ...keys });
  const ofCall =
    purpose === "registration" ? registrationCallCharges(deps, caller) : sendCallCharges(deps, caller, ownSendsKey(keys));
  const contact = isContact(identifier) ? identifier : null;
  const number = { contact, ...keys, isNamed: isNamed(one) };
  const later = laterStepsOf(caller, channel, ttlMs);
  const ofMessage = (over: Channel) => [
    ...messageCharges(caller, over),
    ...numberCharges(deps, caller, { channel: over, ...number }).shown,
  ];
  const ofFirst = [...guard.charges, ...(isFirst ? ofCall : []), ...ofMessage(channel)];
  const charges = withLater(ofFirst, later, (over) => [
    ...paidCharges(caller.policy, { ...keys, channel: over }),
    ...ofMessage(over),
  ]);
  return { one, keys, later, guard: { ...guard, charges } };
}

/** Whether the request itself holds the contact that the code goes to. */
function isNamed({ channel, identifier }: Wanted): boolean {
  return isContact(identifier) && channelReaches(channel, identifier);
}

/** Returns the refusal of a call that has spent its budgets like any other, or TOO_MANY_REQUESTS. So users can't be listed quickly. */
async function charged(
  deps: Deps,
  refusal: AuthError,
  { budget, charges }: { readonly budget: Budget; readonly charges: readonly BudgetCharge[] },
): Promise<AuthError> {
  const now = deps.clock();
  const limited = await deps.store.budgets.spend({ charges, now });
  return limited === null ? refusal : tooManyRequests(deps, budget, limited, now);
}

export function recipientOf({ app, policy }: Caller, { identifier, channel }: Pick<Wanted, "identifier" | "channel">) {
  return { identifier, channel, poolId: app.poolId, appId: app.appId, trustClaims: policy.trustClaims };
}

function reportIssued(deps: Deps, caller: Caller, challenge: Challenge): void {
  const { challengeId, purpose, channel, clientId, decoy, isTest } = challenge;
  deps.metrics.challengeIssued(challenge, decoy);
  const test = isTest ? { test: true } : {};
  deps.log.info({ challengeId, purpose, channel, clientId, ...test, correlationId: caller.correlationId }, "challenge issued");
}

/** Returns when a message queued now is due. */
export function deliverAt(policy: Policy, now: EpochMs): EpochMs {
  return now + randomDelay(policy.deliveryDelayMaxMs);
}
