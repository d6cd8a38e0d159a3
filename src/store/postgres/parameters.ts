import type { NewChallenge } from "../../model/challenge.js";
import type { NewSession } from "../../model/session.js";
import type { NewMembership, NewUser } from "../../model/user.js";
import type { BudgetCharge, BudgetReturn, SendReturn } from "../port/budgets.js";
import type { LaterMessage, SendGuard } from "../port/challenges.js";
import type { NewNotice } from "../port/not-me.js";
import { holdMs, limitsOf, longestWindow, stepOf } from "../rules/budget-window.js";
import { escapeNul } from "../shared/texts.js";

/** Bytes as PostgreSQL reads them from JSON. */
export function hex(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;
}

interface ChargeParameter {
  readonly charge: BudgetCharge;
  /** If an optional charge is refused, only the other optional ones are refused with it. */
  readonly optional?: boolean;
  /** The position, from 1, of the challenge whose `resendAt` becomes the end of this hold. */
  readonly sets?: number | null;
  /** What follows the `budgetKey` of a challenge in the key, which is the charge's key until then. */
  readonly suffix?: Uint8Array;
}

/** Charges as `budget_charges` takes them, in the order in which their budgets are locked: by key. */
export function chargesParameter(charges: readonly ChargeParameter[]): string {
  const parameters = charges.map(({ charge, optional = false, sets = null, suffix }) => ({
    key: hex(charge.key),
    name: charge.name ?? null,
    maxes: limitsOf(charge).map(({ max }) => max),
    windows: charge.limits.map(({ windowMs }) => windowMs),
    longest: longestWindow(charge),
    step: stepOf(charge),
    holds: (charge.hold?.stepsMs ?? []).map((_, spentBefore) => holdMs(charge, spentBefore)),
    optional,
    sets,
    counts: charge.countsFailures ?? false,
    share: charge.failuresShare ?? null,
    unless: charge.unlessSpent === undefined ? null : hex(charge.unlessSpent),
    units: charge.units ?? 1,
    ...(suffix !== undefined && { suffix: hex(suffix) }),
  }));
  return JSON.stringify(parameters.sort(byKey));
}

/** The charges of guards. The hold of each guard's first charge becomes the `resendAt` of its challenge. */
export function guardChargesParameter(guards: readonly SendGuard[]): string {
  return chargesParameter(
    guards.flatMap(({ charges, hidden = [] }, guard) => [
      ...charges.map((charge, index) => ({ charge, sets: index === 0 ? guard + 1 : null })),
      ...hidden.map((charge) => ({ charge, optional: true })),
    ]),
  );
}

export function placesParameter(guards: readonly SendGuard[]): string {
  return JSON.stringify(
    guards.map(({ live }) => ({
      identifier_key: hex(live.identifierKey),
      requester_key: hex(live.requesterKey),
      purpose: live.purpose,
      own_max: live.perRequesterMax,
      total_max: live.totalMax,
    })),
  );
}

/** The locks that issuing takes, one for each identifier and purpose, in one order for all calls. */
export function lockKeys(guards: readonly SendGuard[]): Buffer[] {
  const keys = guards.map(({ live }) => Buffer.concat([live.identifierKey, Buffer.from(live.purpose)]));
  return keys.sort(Buffer.compare).filter((key, index) => index === 0 || !key.equals(keys[index - 1]!));
}

export function returnsParameter(returns: readonly BudgetReturn[]): string {
  return JSON.stringify(
    returns.map(({ key, spentAt, holdUntil = null, keepsFailures = false }) => ({
      key: hex(key),
      spent_at: spentAt,
      hold_until: holdUntil,
      keeps: keepsFailures,
    })),
  );
}

export function sendReturnsParameter(returns: readonly SendReturn[]): string {
  return JSON.stringify(
    returns.map(({ keyPrefix, ofRequester, holdMs = null }) => ({
      prefix: hex(keyPrefix),
      of_requester: ofRequester,
      hold_ms: holdMs,
    })),
  );
}

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** A row of `challenges`. The database fills in `resend_at`. */
export function challengeParameter(challenge: NewChallenge, made: { registrationId: string | null; now: number }): object {
  return {
    challenge_id: challenge.challengeId,
    pool_id: challenge.poolId,
    app_id: challenge.appId,
    client_id: challenge.clientId,
    purpose: challenge.purpose,
    channel: challenge.channel,
    identifier_key: hex(challenge.identifierKey),
    budget_key: hex(challenge.budgetKey),
    requester_key: hex(challenge.requesterKey),
    contact_kind: challenge.contact?.kind ?? null,
    contact_value: challenge.contact?.value ?? null,
    user_id: challenge.userId,
    replaces: challenge.replaces,
    decoy: challenge.decoy,
    is_test: challenge.isTest,
    registration_id: made.registrationId,
    masked_destination: challenge.maskedDestination,
    locale: challenge.locale,
    code_length: challenge.codeLength,
    hash_profile: challenge.codeHash.profile,
    pepper_id: challenge.codeHash.pepperId,
    salt: hex(challenge.codeHash.salt),
    tag: hex(challenge.codeHash.tag),
    sealed_code: hex(challenge.sealedCode),
    ...(challenge.words !== undefined && { words: JSON.stringify(challenge.words) }),
    attempts: 0,
    attempts_max: challenge.attemptsMax,
    sends: 1,
    sends_max: challenge.sendsMax,
    resend_times: [],
    resend_requesters: [],
    created_at: made.now,
    expires_at: challenge.expiresAt,
  };
}

/** The later messages of new challenges, as `issue_challenges` takes them. Null: none. */
export function laterParameter(
  challenges: readonly { readonly challenge: NewChallenge; readonly later?: readonly LaterMessage[] }[],
): string | null {
  const messages = challenges.flatMap(({ challenge: { challengeId }, later = [] }) =>
    later.map(({ channel, dueAt }) => ({ challenge_id: challengeId, channel, due_at: dueAt })),
  );
  return messages.length === 0 ? null : JSON.stringify(messages);
}

/** How late rows may be swept that are only found by the sweep. Rounding makes their index change rarely. */
export const sweepStepMs = 24 * 60 * 60_000;

export function sweepAt(idleExpiresAt: number): number {
  return Math.ceil(idleExpiresAt / sweepStepMs) * sweepStepMs;
}

export function membershipParameter(membership: NewMembership): object {
  return {
    roles: JSON.stringify(membership.roles),
    kind: escapeNul(membership.kind),
    owner_organization: escapeNul(membership.ownerOrganization),
    external_id: membership.externalId === null ? null : escapeNul(membership.externalId),
    app_attributes: membership.appAttributes,
    credential_type: membership.credentialType,
    state: membership.state,
  };
}

export function newUserParameter(user: NewUser) {
  return {
    user_id: user.userId,
    username: user.username,
    display_name: escapeNul(user.displayName),
    locale: user.locale,
    custom_attributes: user.customAttributes,
  };
}

/** A notice as `add_notice` takes it. */
export function noticeParameter(notice: NewNotice | null) {
  return notice && { change_id: notice.changeId, channel: notice.channel, expires_at: notice.expiresAt };
}

/** What the caller made for a redemption that may need it: user, membership and session. The last two may be null. */
export function madeParameter(made: {
  readonly newUser: NewUser;
  readonly newMembership: NewMembership | null;
  readonly trustClaims: boolean;
  readonly newSession: NewSession | null;
  readonly sessionsMax: number;
  readonly notice?: NewNotice | null;
}): string {
  const { newUser, newMembership, trustClaims, newSession, sessionsMax, notice } = made;
  return JSON.stringify({
    user: newUserParameter(newUser),
    membership: newMembership && membershipParameter(newMembership),
    trust_claims: trustClaims,
    session: newSession && {
      session_id: newSession.sessionId,
      family: hex(newSession.family),
      key_id: newSession.keyId,
      app_id: newSession.appId,
      client_id: newSession.clientId,
      credential_hash: newSession.credentialHash && hex(newSession.credentialHash),
      ip: newSession.ip,
      user_agent: newSession.userAgent,
      amr: newSession.amr.join(" "),
      idle_expires_at: newSession.idleExpiresAt,
      expires_at: newSession.expiresAt,
      sweep_at: sweepAt(newSession.idleExpiresAt),
    },
    sessions_max: sessionsMax,
    ...(notice && { notice: noticeParameter(notice) }),
  });
}
