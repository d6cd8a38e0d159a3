import type { Challenge, Purpose } from "../../model/challenge.js";
import type { Channel } from "../../model/channel.js";
import type { Contact, ContactKind } from "../../model/contact.js";
import type { EpochMs } from "../../model/time.js";
import type { User } from "../../model/user.js";
import type { ChallengeToVerify } from "../port/challenges.js";

export interface ChallengeRow {
  challenge_id: string;
  client_id: string;
  purpose: Purpose;
  channel: Channel;
  identifier_key: Buffer;
  requester_key: Buffer;
  contact_kind: ContactKind | null;
  contact_value: string | null;
  user_id: string | null;
  decoy: boolean;
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
  "challenge_id client_id purpose channel identifier_key requester_key contact_kind contact_value user_id decoy registration_id " +
  "masked_destination locale code_length hash_profile pepper_id salt tag attempts attempts_max sends sends_max created_at " +
  "expires_at resend_at consumed_at cancelled_at";

/** The columns of a challenge but the sealed code, which only the outbox reads; `of` is a table or a column of that row type. */
export function challengeColumns(of: string): string {
  return challengeNames
    .split(" ")
    .map((name) => `${of}.${name}`)
    .join(", ");
}

/** What makes a challenge `c` live at a time. */
export const isLiveChallenge = (now: string) => `c.consumed_at IS NULL AND c.cancelled_at IS NULL AND c.expires_at > ${now}`;

/** What makes a session `s` live at a time. */
export const isLiveSession = (now: string) => `s.idle_expires_at > ${now} AND s.expires_at > ${now}`;

export function contactOf(row: { contact_kind: ContactKind | null; contact_value: string | null }): Contact | null {
  return row.contact_kind === null || row.contact_value === null ? null : { kind: row.contact_kind, value: row.contact_value };
}

export function toChallenge(row: ChallengeRow): Challenge {
  return {
    challengeId: row.challenge_id,
    clientId: row.client_id,
    purpose: row.purpose,
    channel: row.channel,
    identifierKey: row.identifier_key,
    requesterKey: row.requester_key,
    contact: contactOf(row),
    userId: row.user_id,
    decoy: row.decoy,
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

export interface ChallengeToVerifyRow extends ChallengeRow {
  contact_user_id: string | null;
  sealed_profile: Buffer | null;
}

export function toChallengeToVerify(row: ChallengeToVerifyRow): ChallengeToVerify {
  return { ...toChallenge(row), contactUserId: row.contact_user_id, sealedProfile: row.sealed_profile };
}

export const sessionColumns = `s.session_id, s.family, s.key_id, s.user_id, s.client_id, s.generation, s.rotation_mac, s.ip,
  s.user_agent, s.amr, s.created_at, s.last_used_at, s.idle_expires_at, s.expires_at`;

/** The columns of a user `u`, under names of their own so that they can stand beside a session's. */
export interface UserRow {
  account_id: string;
  username: string | null;
  display_name: string;
  account_locale: string;
  custom_attributes: string;
  account_created_at: EpochMs;
  account_contacts: [ContactKind, string, EpochMs][];
}

/** `of` is a table or a column of that row type. */
export function userColumns(of: string): string {
  return `${of}.user_id AS account_id, ${of}.username, ${of}.display_name, ${of}.locale AS account_locale,
    ${of}.custom_attributes, ${of}.created_at AS account_created_at`;
}

export function toUser(row: UserRow): User {
  return {
    userId: row.account_id,
    username: row.username,
    displayName: unescapeNul(row.display_name),
    locale: row.account_locale,
    contacts: row.account_contacts.map(([kind, value, verifiedAt]) => ({ kind, value, verifiedAt })),
    customAttributes: row.custom_attributes,
    createdAt: row.account_created_at,
  };
}

/**
 * PostgreSQL's texts hold every character but U+0000, which a name given by a person may have: it is written `\0`. Half a surrogate
 * pair, which UTF-8 has no form for, becomes U+FFFD as it does on its way into any file.
 */
export function escapeNul(text: string): string {
  return Buffer.from(text).toString().replaceAll("\\", "\\\\").replaceAll("\0", "\\0");
}

function unescapeNul(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, char: string) => (char === "0" ? "\0" : char));
}
