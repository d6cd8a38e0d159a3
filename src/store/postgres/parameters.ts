import type { NewChallenge } from "../../model/challenge.js";
import type { NewSession } from "../../model/session.js";
import type { NewUser } from "../../model/user.js";
import type { BudgetCharge, BudgetReturn, SendReturn } from "../port/budgets.js";
import type { SendGuard } from "../port/challenges.js";
import { holdMs, longestWindow } from "../rules/budget-window.js";
import { escapeNul } from "../shared/texts.js";

/** Bytes in JSON, as PostgreSQL reads them. */
export function hex(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;
}

interface ChargeParameter {
  readonly charge: BudgetCharge;
  /** A refused one refuses only the other optional ones. */
  readonly optional?: boolean;
  /** The position, from 1, of the challenge whose `resendAt` its hold becomes. */
  readonly sets?: number | null;
}

/** Charges as `budget_charges` takes them; in the order in which their budgets are locked, that of the keys. */
export function chargesParameter(charges: readonly ChargeParameter[]): string {
  const parameters = charges.map(({ charge, optional = false, sets = null }) => ({
    key: hex(charge.key),
    maxes: charge.limits.map(({ max }) => max),
    windows: charge.limits.map(({ windowMs }) => windowMs),
    longest: longestWindow(charge),
    holds: (charge.hold?.stepsMs ?? []).map((_, spentBefore) => holdMs(charge, spentBefore)),
    optional,
    sets,
  }));
  return JSON.stringify(parameters.sort(byKey));
}

/** The charges of guards; the first of each makes the `resendAt` of its challenge. */
export function guardChargesParameter(guards: readonly SendGuard[]): string {
  return chargesParameter(
    guards.flatMap(({ charges }, guard) => charges.map((charge, index) => ({ charge, sets: index === 0 ? guard + 1 : null }))),
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

/** What issuing locks, identifier and purpose of each place, once and in one order for all. */
export function lockKeys(guards: readonly SendGuard[]): Buffer[] {
  const keys = guards.map(({ live }) => Buffer.concat([live.identifierKey, Buffer.from(live.purpose)]));
  return keys.sort(Buffer.compare).filter((key, index) => index === 0 || !key.equals(keys[index - 1]!));
}

export function returnsParameter(returns: readonly BudgetReturn[]): string {
  return JSON.stringify(
    returns.map(({ key, spentAt, holdUntil = null }) => ({ key: hex(key), spent_at: spentAt, hold_until: holdUntil })),
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

/** A row of `challenges`; `resend_at` is filled in by the database. */
export function challengeParameter(challenge: NewChallenge, made: { registrationId: string | null; now: number }): object {
  return {
    challenge_id: challenge.challengeId,
    client_id: challenge.clientId,
    purpose: challenge.purpose,
    channel: challenge.channel,
    identifier_key: hex(challenge.identifierKey),
    requester_key: hex(challenge.requesterKey),
    contact_kind: challenge.contact?.kind ?? null,
    contact_value: challenge.contact?.value ?? null,
    user_id: challenge.userId,
    decoy: challenge.decoy,
    registration_id: made.registrationId,
    masked_destination: challenge.maskedDestination,
    locale: challenge.locale,
    code_length: challenge.codeLength,
    hash_profile: challenge.codeHash.profile,
    pepper_id: challenge.codeHash.pepperId,
    salt: hex(challenge.codeHash.salt),
    tag: hex(challenge.codeHash.tag),
    sealed_code: hex(challenge.sealedCode),
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

/** Rows that are only looked for when they are swept are swept this much late at most, so that their index rarely changes. */
export const sweepStepMs = 24 * 60 * 60_000;

export function sweepAt(idleExpiresAt: number): number {
  return Math.ceil(idleExpiresAt / sweepStepMs) * sweepStepMs;
}

/** What the caller made for a redemption: the user and session that it may need. */
export function madeParameter(made: {
  readonly newUser: NewUser;
  readonly newSession: NewSession;
  readonly sessionsMax: number;
}): string {
  const { newUser, newSession, sessionsMax } = made;
  return JSON.stringify({
    user: {
      user_id: newUser.userId,
      username: newUser.username,
      display_name: escapeNul(newUser.displayName),
      locale: newUser.locale,
      custom_attributes: newUser.customAttributes,
    },
    session: {
      session_id: newSession.sessionId,
      family: hex(newSession.family),
      key_id: newSession.keyId,
      client_id: newSession.clientId,
      ip: newSession.ip,
      user_agent: newSession.userAgent,
      amr: newSession.amr.join(" "),
      idle_expires_at: newSession.idleExpiresAt,
      expires_at: newSession.expiresAt,
      sweep_at: sweepAt(newSession.idleExpiresAt),
    },
    sessions_max: sessionsMax,
  });
}
