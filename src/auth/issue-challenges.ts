import { randomDelay } from "../crypto/random.js";
import type { Caller } from "../model/caller.js";
import type { Challenge, Purpose } from "../model/challenge.js";
import type { Channel } from "../model/channel.js";
import type { Identifier } from "../model/identifier.js";
import type { Budget } from "../model/metrics.js";
import type { Policy } from "../model/policy.js";
import type { EpochMs } from "../model/time.js";
import type { Recipient } from "../store/port/challenges.js";
import { sendGuard } from "./budgets.js";
import { type CodeOptions, noCodeOptions } from "./code-options.js";
import type { Deps } from "./deps.js";
import { type Idempotency, idempotencyMac } from "./idempotency.js";
import { tooManyRequests } from "./limits.js";
import { refuseLocked, refuseLockedUser } from "./lockout.js";
import { type ChallengePlan, draftChallenge } from "./new-challenge.js";
import { requesterKeyOf } from "./requester.js";

/** A challenge that a caller requests. */
export interface Wanted {
  readonly purpose: Purpose;
  readonly channel: Channel;
  readonly identifier: Identifier;
}

/** The fields of a challenge that depend on its recipient. */
export type Destination = Pick<ChallengePlan, "contact" | "userId" | "decoy" | "locale"> &
  Partial<Pick<ChallengePlan, "replaces">>;

interface IssueInput {
  /** The name of the RPC in idempotency keys. */
  readonly method: string;
  readonly idempotency: Idempotency;
  /** The budget that metrics name if the call is refused. */
  readonly budget: Budget;
  readonly wanted: readonly Wanted[];
  /** Default: as the policy says. */
  readonly code?: CodeOptions;
  /** Whether the store looks up the recipient of the first requested challenge. */
  readonly findRecipient: boolean;
  /** `recipient` is null if no user was found or none was looked up. */
  readonly destinationOf: (wanted: Wanted, recipient: Recipient | null) => Destination;
  /** Creates the pending registration of the challenges. */
  readonly registration?: () => { readonly registrationId: string; readonly sealedProfile: Uint8Array };
}

/**
 * Issues challenges and queues their codes: all or none. A repeated call with the same idempotency key returns the challenges
 * of the first call. Real challenges and decoys take the same steps. Throws TOO_MANY_REQUESTS if a budget is spent, and to
 * confidential clients USER_LOCKED or ACCOUNT_LOCKED if the recipient can't sign in, before a hash is computed.
 */
export async function issueChallenges(deps: Deps, caller: Caller, input: IssueInput): Promise<readonly Challenge[]> {
  const { policy } = caller;
  const { challenges } = deps.store;
  const requesterKey = requesterKeyOf(deps, caller);
  const { method, budget, wanted, code = noCodeOptions } = input;
  const idempotency = idempotencyMac(deps, caller, { method, requesterKey, idempotency: input.idempotency });
  const asked = wanted.map((one) => {
    const keys = { identifierKey: deps.lookup.identifier(caller.app.poolId, one.identifier), requesterKey };
    return { one, keys, guard: sendGuard(policy, { purpose: one.purpose, channel: one.channel, ...keys }) };
  });
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

  const drafts = await deps.codes.withSlot("send", caller, async (slot) => {
    const made = [];
    for (const { one, keys, guard } of asked) {
      const { purpose, channel, identifier } = one;
      const destination = { replaces: null, ...input.destinationOf(one, prepared.recipient) };
      const plan: ChallengePlan = { purpose, channel, identifier, ...keys, ...destination };
      made.push({ draft: await draftChallenge(deps, slot, { plan, code, caller }), guard });
    }
    return made;
  });
  const now = deps.clock();
  const dueAt = deliverAt(policy, now);
  const expiresAt = now + (code.ttlMs ?? policy.codeTtlMs);
  const issued = await challenges.issue({
    idempotency,
    registration: input.registration?.() ?? null,
    challenges: drafts.map(({ draft, guard }) => ({ challenge: { expiresAt, ...draft }, guard })),
    deliverAt: dueAt,
    now,
  });
  if (issued.kind === "limited") throw tooManyRequests(deps, budget, issued, now);
  if (issued.kind === "issued") {
    deps.wakeOutbox(dueAt);
    for (const challenge of issued.challenges) reportIssued(deps, caller, challenge);
  }
  return issued.challenges;
}

function recipientOf({ app, policy }: Caller, { identifier, channel }: Wanted) {
  return { identifier, channel, poolId: app.poolId, appId: app.appId, trustClaims: policy.trustClaims };
}

function reportIssued(deps: Deps, caller: Caller, challenge: Challenge): void {
  const { challengeId, purpose, channel, clientId, decoy } = challenge;
  deps.metrics.challengeIssued(challenge, decoy);
  deps.log.info({ challengeId, purpose, channel, clientId, correlationId: caller.correlationId }, "challenge issued");
}

/** Returns when a message queued now is due. */
export function deliverAt(policy: Policy, now: EpochMs): EpochMs {
  return now + randomDelay(policy.deliveryDelayMaxMs);
}
