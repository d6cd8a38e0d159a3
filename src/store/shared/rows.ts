/**
 * Rows as both engines store them, and their conversion to the model. A column of only one engine is in that engine's
 * `rows.ts`. People have rows in `person-rows.ts`.
 */
import type { Challenge, Purpose } from "../../model/challenge.js";
import type { Channel } from "../../model/channel.js";
import type { Contact, ContactKind } from "../../model/contact.js";
import type { Session } from "../../model/session.js";
import type { EpochMs } from "../../model/time.js";
import type { MessageWords } from "../../model/wording.js";
import type { ChallengeToVerify } from "../port/challenges.js";
import type { OutboxMessage } from "../port/outbox.js";
import { columns } from "./columns.js";

export interface ChallengeRow {
  challenge_id: string;
  pool_id: string;
  app_id: string;
  client_id: string;
  purpose: Purpose;
  channel: Channel;
  identifier_key: Buffer;
  budget_key: Buffer;
  requester_key: Buffer;
  contact_kind: ContactKind | null;
  contact_value: string | null;
  user_id: string | null;
  replaces: string | null;
  /** SQLite has no booleans and uses 0 and 1. */
  decoy: boolean | number;
  is_test: boolean | number;
  registration_id: string | null;
  masked_destination: string;
  locale: string;
  code_length: number;
  hash_profile: string;
  pepper_id: string;
  salt: Buffer;
  tag: Buffer;
  attempts: number;
  attempts_max: number;
  sends: number;
  sends_max: number;
  created_at: EpochMs;
  expires_at: EpochMs;
  resend_at: EpochMs;
  consumed_at: EpochMs | null;
  cancelled_at: EpochMs | null;
}

const challengeNames =
  "challenge_id pool_id app_id client_id purpose channel identifier_key budget_key requester_key contact_kind contact_value user_id replaces decoy is_test " +
  "registration_id masked_destination locale code_length hash_profile pepper_id salt tag attempts attempts_max sends sends_max created_at " +
  "expires_at resend_at consumed_at cancelled_at";

/**
 * Lists the columns of a challenge except the sealed code, which only the outbox reads. `of` is a table, or a column of that
 * row type.
 */
export function challengeColumns(of: string): string {
  return columns(challengeNames, of);
}

/** SQL condition: the challenge `c` is live at the time in parameter `now`. */
export const isLiveChallenge = (now: string) => `c.consumed_at IS NULL AND c.cancelled_at IS NULL AND c.expires_at > ${now}`;

/** SQL condition: the code of the challenge `c` can still be guessed, so it is worth a message. */
export const takesGuesses = (now: string) => `${isLiveChallenge(now)} AND c.attempts < c.attempts_max`;

/** SQL condition: the challenge `c` is no decoy and has ended by expiring. */
export const hasExpired = (now: string) =>
  `NOT c.decoy AND c.consumed_at IS NULL AND c.cancelled_at IS NULL AND c.expires_at <= ${now}`;

export function contactOf(row: { contact_kind: ContactKind | null; contact_value: string | null }): Contact | null {
  return row.contact_kind === null || row.contact_value === null ? null : { kind: row.contact_kind, value: row.contact_value };
}

export function toChallenge(row: ChallengeRow): Challenge {
  return {
    challengeId: row.challenge_id,
    poolId: row.pool_id,
    appId: row.app_id,
    clientId: row.client_id,
    purpose: row.purpose,
    channel: row.channel,
    identifierKey: row.identifier_key,
    budgetKey: row.budget_key,
    requesterKey: row.requester_key,
    contact: contactOf(row),
    userId: row.user_id,
    replaces: row.replaces,
    decoy: Boolean(row.decoy),
    isTest: Boolean(row.is_test),
    registrationId: row.registration_id,
    maskedDestination: row.masked_destination,
    locale: row.locale,
    codeLength: row.code_length,
    codeHash: { profile: row.hash_profile, pepperId: row.pepper_id, salt: row.salt, tag: row.tag },
    attempts: row.attempts,
    attemptsMax: row.attempts_max,
    sends: row.sends,
    sendsMax: row.sends_max,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    resendAt: row.resend_at,
    consumedAt: row.consumed_at,
    cancelledAt: row.cancelled_at,
  };
}

/** Returns what a call says about its messages, from the column `words`. Undefined: nothing. */
export function toWords(column: string | null): MessageWords | undefined {
  return column === null ? undefined : (JSON.parse(column) as MessageWords);
}

export interface ChallengeToVerifyRow extends ChallengeRow {
  contact_user_id: string | null;
  sealed_profile: Buffer | null;
}

export function toChallengeToVerify(row: ChallengeToVerifyRow): ChallengeToVerify {
  return { contactUserId: row.contact_user_id, sealedProfile: row.sealed_profile, ...toChallenge(row) };
}

export interface SessionRow {
  session_id: string;
  family: Buffer;
  key_id: string;
  user_id: string;
  app_id: string;
  client_id: string;
  credential_hash: Buffer | null;
  generation: number;
  rotation_mac: Buffer | null;
  ip: string;
  user_agent: string;
  amr: string;
  created_at: EpochMs;
  last_used_at: EpochMs;
  idle_expires_at: EpochMs;
  expires_at: EpochMs;
}

/** The columns of a session `s`. */
export const sessionColumns = columns(
  "session_id family key_id user_id app_id client_id credential_hash generation rotation_mac ip user_agent amr created_at last_used_at idle_expires_at " +
    "expires_at",
  "s",
);

/** SQL condition: the session `s` is live at the time in parameter `now`. */
export const isLiveSession = (now: string) => `s.idle_expires_at > ${now} AND s.expires_at > ${now}`;

export function toSession(row: SessionRow): Session {
  return {
    sessionId: row.session_id,
    family: row.family,
    keyId: row.key_id,
    userId: row.user_id,
    appId: row.app_id,
    clientId: row.client_id,
    credentialHash: row.credential_hash,
    generation: row.generation,
    ip: row.ip,
    userAgent: row.user_agent,
    amr: row.amr.split(" "),
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    idleExpiresAt: row.idle_expires_at,
    expiresAt: row.expires_at,
  };
}

/** An outbox message with its challenge. The challenge's columns are null if it is deleted, a decoy or not live. */
export interface DueRow {
  outbox_id: number;
  tries: number;
  queued_at: EpochMs;
  carrier: number;
  unknowns: number;
  /** SQLite has no booleans and uses 0 and 1. */
  muted: boolean | number;
  challenge_id: string;
  pool_id: string | null;
  app_id: string | null;
  member_id: string | null;
  client_id: string | null;
  purpose: Purpose;
  channel: Channel;
  contact_kind: ContactKind | null;
  contact_value: string | null;
  is_test: boolean | number | null;
  locale: string;
  /** JSON text. */
  words: string | null;
  sealed_code: Buffer | null;
  expires_at: EpochMs;
  /** Whether the challenge expired before the claim, neither consumed nor cancelled. */
  expired: boolean | number | null;
  invited: boolean | number;
  /** Whether a report has ended the message since its last try, or another try of it that was settled late. */
  ended: boolean | number;
}

export function toMessage(row: DueRow): OutboxMessage {
  const { sealed_code: sealedCode, pool_id: poolId, app_id: appId, client_id: clientId, member_id: userId } = row;
  const contact = contactOf(row);
  const isOver = Boolean(row.ended) || (sealedCode === null && !row.expired);
  return {
    outboxId: row.outbox_id,
    tries: row.tries,
    queuedAt: row.queued_at,
    carrier: row.carrier,
    unknowns: row.unknowns,
    isMuted: Boolean(row.muted),
    delivery:
      contact === null || isOver || poolId === null || appId === null || clientId === null
        ? null
        : {
            challengeId: row.challenge_id,
            poolId,
            appId,
            userId,
            clientId,
            purpose: row.purpose,
            channel: row.channel,
            contact,
            isTest: Boolean(row.is_test),
            locale: row.locale,
            words: toWords(row.words) ?? null,
            sealedCode,
            expiresAt: row.expires_at,
            hasUser: userId !== null,
            invited: Boolean(row.invited),
            notice: null,
          },
  };
}

/** How long the notice of a removed contact is worth sending. */
const noticeMaxMs = 24 * 60 * 60_000;

/** A contact that was removed, with what its notice needs. */
export interface ContactChangeRow {
  change_id: string;
  pool_id: string;
  app_id: string;
  user_id: string;
  kind: ContactKind;
  value: string;
  locale: string;
  /** SQLite has no booleans and uses 0 and 1. */
  was_replaced: boolean | number;
  /** Since when the person had it. */
  verified_at: EpochMs;
  changed_at: EpochMs;
}

export const contactChangeColumns = columns(
  "change_id pool_id app_id user_id kind value locale was_replaced verified_at changed_at",
  "n",
);

/** Returns claimed messages, of which those without a challenge may be notices of `changes`. */
export function withNotices(rows: readonly DueRow[], changes: readonly ContactChangeRow[]): OutboxMessage[] {
  const byId = new Map(changes.map((change) => [change.change_id, change]));
  return rows.map((row) => {
    const change = row.pool_id === null ? byId.get(row.challenge_id) : undefined;
    return change === undefined ? toMessage(row) : { ...toMessage(row), delivery: noticeOf(change, row.channel) };
  });
}

function noticeOf(change: ContactChangeRow, channel: Channel): OutboxMessage["delivery"] {
  return {
    challengeId: change.change_id,
    poolId: change.pool_id,
    appId: change.app_id,
    userId: change.user_id,
    clientId: "",
    purpose: "change_contact",
    channel,
    contact: { kind: change.kind, value: change.value },
    locale: change.locale,
    words: null,
    sealedCode: null,
    expiresAt: change.changed_at + noticeMaxMs,
    hasUser: true,
    invited: false,
    notice: change.was_replaced ? "changed" : "removed",
    isTest: false,
  };
}
