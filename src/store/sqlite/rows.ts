import type { Challenge, Purpose } from "../../model/challenge.js";
import type { ChallengeLife } from "../../model/challenge-state.js";
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
  decoy: number;
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
  resends: string;
  created_at: EpochMs;
  expires_at: EpochMs;
  resend_at: EpochMs;
  consumed_at: EpochMs | null;
  cancelled_at: EpochMs | null;
}

/** The columns of a challenge but the sealed code, which only the outbox reads. */
export const challengeColumns = `c.challenge_id, c.client_id, c.purpose, c.channel, c.identifier_key, c.requester_key, c.contact_kind,
  c.contact_value, c.user_id, c.decoy, c.registration_id, c.masked_destination, c.locale, c.code_length, c.hash_profile,
  c.pepper_id, c.salt, c.tag, c.attempts, c.attempts_max, c.sends, c.sends_max, c.resends, c.created_at, c.expires_at,
  c.resend_at, c.consumed_at, c.cancelled_at`;

/** What makes a challenge `c` live at `@now`. */
export const isLiveChallenge = "c.consumed_at IS NULL AND c.cancelled_at IS NULL AND c.expires_at > @now";

export function contactOf(row: { contact_kind: ContactKind | null; contact_value: string | null }): Contact | null {
  return row.contact_kind === null || row.contact_value === null ? null : { kind: row.contact_kind, value: row.contact_value };
}

export function lifeOf(row: Pick<ChallengeRow, "client_id" | "expires_at" | "consumed_at" | "cancelled_at">): ChallengeLife {
  return {
    clientId: row.client_id,
    expiresAt: row.expires_at,
    consumedAt: row.consumed_at,
    cancelledAt: row.cancelled_at,
  };
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
    decoy: row.decoy === 1,
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

export function toChallengeToVerify(
  row: ChallengeRow & { contact_user_id: string | null; sealed_profile: Buffer | null },
): ChallengeToVerify {
  return { contactUserId: row.contact_user_id, sealedProfile: row.sealed_profile, ...toChallenge(row) };
}

/** A send that a challenge was charged for. */
export interface ChargedSend {
  readonly at: EpochMs;
  readonly requesterKey: Uint8Array;
}

/** All sends of a challenge, oldest first. */
export function chargedSends(row: Pick<ChallengeRow, "created_at" | "requester_key" | "resends">): ChargedSend[] {
  return [{ at: row.created_at, requesterKey: row.requester_key }, ...parseResends(row.resends)];
}

/** Resends are a JSON array of `[time, requester in base64url]`; there are at most four, and most challenges have none. */
export function appendResend(resends: string, { at, requesterKey }: ChargedSend): string {
  return JSON.stringify([...(JSON.parse(resends) as unknown[]), [at, Buffer.from(requesterKey).toString("base64url")]]);
}

function parseResends(resends: string): ChargedSend[] {
  if (resends === "[]") return [];
  return (JSON.parse(resends) as [EpochMs, string][]).map(([at, requester]) => ({
    at,
    requesterKey: Buffer.from(requester, "base64url"),
  }));
}

export interface UserRow {
  user_id: string;
  username: string | null;
  display_name: string;
  locale: string;
  custom_attributes: string;
  /** Not `created_at`, which sessions have too: the two are read together. */
  user_created_at: EpochMs;
  /** JSON of `[kind, value, verified_at]` each. */
  contacts: string;
}

/** The columns of a user `u` with all contacts, so that one statement gives all of a user. */
export const userColumns = `u.user_id, u.username, u.display_name, u.locale, u.custom_attributes, u.created_at AS user_created_at, (
    SELECT json_group_array(json_array(o.kind, o.value, o.verified_at) ORDER BY o.verified_at, o.kind)
    FROM contacts o WHERE o.user_id = u.user_id) AS contacts`;

export function toUser(row: UserRow): User {
  const contacts = JSON.parse(row.contacts) as [ContactKind, string, EpochMs][];
  return {
    userId: row.user_id,
    username: row.username,
    displayName: row.display_name,
    locale: row.locale,
    contacts: contacts.map(([kind, value, verifiedAt]) => ({ kind, value, verifiedAt })),
    customAttributes: row.custom_attributes,
    createdAt: row.user_created_at,
  };
}
