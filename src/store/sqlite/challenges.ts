import type { Database } from "better-sqlite3";
import type {
  AttemptOutcome,
  Challenge,
  ChallengeRefusal,
  EpochMs,
  Limited,
  NewChallenge,
  SendGuard,
  Store,
} from "../store.js";
import type { Budgets, Grantable } from "./budgets.js";
import type { Idempotency } from "./idempotency.js";
import { appendResend, type ChallengeRow, challengeColumns, toChallenge, toChallengeToVerify } from "./rows.js";
import type { Users } from "./users.js";
import type { Writer } from "./writer.js";

interface LiveRow {
  requester_key: Buffer;
  expires_at: EpochMs;
}

const isLive = "c.consumed_at IS NULL AND c.cancelled_at IS NULL AND c.expires_at > @now";

/** Why a challenge can't be used by `clientId` now; null when it can. The order is the one in which callers are told. */
export function refusalOf(row: ChallengeRow | undefined, clientId: string, now: EpochMs): ChallengeRefusal | null {
  if (row === undefined) return "unknown";
  if (row.client_id !== clientId) return "foreign_client";
  if (row.consumed_at !== null) return "consumed";
  if (row.cancelled_at !== null) return "cancelled";
  if (row.expires_at <= now) return "expired";
  return null;
}

type Operations = Pick<Store, "prepareSend" | "issueChallenges" | "findChallenge" | "resendChallenge" | "takeAttempt">;

export function createChallenges(
  db: Database,
  parts: { writer: Writer; budgets: Budgets; idempotency: Idempotency; users: Users },
): Operations {
  const { writer, budgets, idempotency, users } = parts;
  const byId = db.prepare<[string], ChallengeRow>(`SELECT ${challengeColumns} FROM challenges c WHERE c.challenge_id = ?`);
  const toVerify = db.prepare<[string], ChallengeRow & { owner_id: string | null; sealed_profile: Buffer | null }>(`
    SELECT ${challengeColumns}, o.user_id AS owner_id, r.sealed_profile
    FROM challenges c
    LEFT JOIN contacts o ON o.kind = c.contact_kind AND o.value = c.contact_value
    LEFT JOIN registrations r ON r.registration_id = c.registration_id
    WHERE c.challenge_id = ?`);
  const live = db.prepare<{ identifierKey: Uint8Array; purpose: string; now: EpochMs }, LiveRow>(`
    SELECT c.requester_key, c.expires_at FROM challenges c
    WHERE c.identifier_key = @identifierKey AND c.purpose = @purpose AND ${isLive} ORDER BY c.expires_at`);
  const insert = db.prepare(`
    INSERT INTO challenges (challenge_id, client_id, purpose, channel, identifier_key, requester_key, contact_kind, contact_value,
      user_id, decoy, registration_id, masked_destination, locale, code_length, hash_profile, pepper_id, salt, tag, sealed_code,
      attempts_max, sends_max, created_at, expires_at, resend_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const insertRegistration = db.prepare<[string, Uint8Array, EpochMs]>(
    "INSERT INTO registrations (registration_id, sealed_profile, expires_at) VALUES (?, ?, ?)",
  );
  const enqueue = db.prepare<[string, EpochMs]>("INSERT INTO outbox (challenge_id, due_at) VALUES (?, ?)");
  const countSend = db.prepare<[string, EpochMs, string]>(
    "UPDATE challenges SET sends = sends + 1, resends = ?, resend_at = ? WHERE challenge_id = ? AND sends < sends_max",
  );
  const reserve = db.prepare<{ challengeId: string; clientId: string; now: EpochMs }>(`
    UPDATE challenges AS c SET attempts = attempts + 1
    WHERE c.challenge_id = @challengeId AND c.client_id = @clientId AND c.attempts < c.attempts_max AND ${isLive}`);

  /** When a place among the live challenges is free; 0: now. Rows come soonest expiry first. */
  function placeFreeAt({ identifierKey, requesterKey, purpose, perRequesterMax, totalMax }: SendGuard["live"], now: EpochMs) {
    const rows = live.all({ identifierKey, purpose, now });
    const own = rows.filter((row) => row.requester_key.equals(requesterKey));
    return Math.max(freeAt(rows, totalMax), freeAt(own, perRequesterMax));
  }

  /** What each guard grants; or when all of them would, since to be refused again at `retryAt` is what it must not lead to. */
  function checkGuards(guards: readonly SendGuard[], now: EpochMs): Grantable[][] | Limited {
    const granted: Grantable[][] = [];
    let retryAt = 0;
    for (const guard of guards) {
      const checked = budgets.check(guard.claims, now);
      retryAt = Math.max(retryAt, placeFreeAt(guard.live, now), "kind" in checked ? checked.retryAt : 0);
      if (!("kind" in checked)) granted.push(checked);
    }
    return retryAt > now ? { kind: "limited", retryAt } : granted;
  }

  function issueOne(challenge: NewChallenge, registrationId: string | null, resendAt: EpochMs, now: EpochMs): Challenge {
    const { codeHash: hash, sealedCode, ...rest } = challenge;
    insert.run(
      challenge.challengeId,
      challenge.clientId,
      challenge.purpose,
      challenge.channel,
      challenge.identifierKey,
      challenge.requesterKey,
      challenge.contact?.kind ?? null,
      challenge.contact?.value ?? null,
      challenge.userId,
      challenge.decoy ? 1 : 0,
      registrationId,
      challenge.maskedDestination,
      challenge.locale,
      challenge.codeLength,
      hash.profile,
      hash.pepperId,
      hash.salt,
      hash.tag,
      sealedCode,
      challenge.attemptsMax,
      challenge.sendsMax,
      now,
      challenge.expiresAt,
      resendAt,
    );
    enqueue.run(challenge.challengeId, now);
    return {
      ...rest,
      codeHash: hash,
      registrationId,
      attempts: 0,
      sends: 1,
      createdAt: now,
      resendAt,
      consumedAt: null,
      cancelledAt: null,
    };
  }

  function replay(mac: Uint8Array | null, now: EpochMs): readonly Challenge[] | null {
    const outcome = idempotency.find(mac, now);
    if (outcome?.kind !== "challenges") return null;
    const rows = outcome.challengeIds.map((id) => byId.get(id));
    return rows.every((row) => row !== undefined) ? rows.map(toChallenge) : null;
  }

  return {
    prepareSend({ idempotency: mac, identifier, channel, guards, now }) {
      return writer.read(() => {
        const challenges = replay(mac, now);
        if (challenges !== null) return { kind: "replayed", challenges };
        const granted = checkGuards(guards, now);
        if ("kind" in granted) return granted;
        return { kind: "ready", recipient: identifier === null ? null : users.recipient(identifier, channel) };
      });
    },

    issueChallenges({ idempotency: mac, registration, challenges, now }) {
      return writer.write(() => {
        const earlier = replay(mac, now);
        if (earlier !== null) return { kind: "replayed", challenges: earlier };
        const guards = challenges.map(({ guard }) => guard);
        const granted = checkGuards(guards, now);
        if ("kind" in granted) return granted;
        const issued = challenges.map(({ challenge }, index) => {
          const resendAt = budgets.spend(granted[index]!, now);
          return issueOne(challenge, registration?.registrationId ?? null, resendAt, now);
        });
        const expiresAt = Math.max(...challenges.map(({ challenge }) => challenge.expiresAt));
        if (registration !== null) insertRegistration.run(registration.registrationId, registration.sealedProfile, expiresAt);
        idempotency.remember(mac, { kind: "challenges", challengeIds: issued.map((one) => one.challengeId) }, expiresAt);
        return { kind: "issued", challenges: issued };
      });
    },

    findChallenge(challengeId) {
      return writer.read(() => {
        const row = toVerify.get(challengeId);
        return row === undefined ? null : toChallengeToVerify(row);
      });
    },

    resendChallenge({ challengeId, clientId, requesterKey, idempotency: mac, claims, now }) {
      return writer.write(() => {
        const earlier = replay(mac, now)?.[0];
        if (earlier !== undefined) return { kind: "replayed", challenge: earlier };
        const row = byId.get(challengeId);
        const why = refusalOf(row, clientId, now) ?? unsendable(row!);
        if (why !== null) return { kind: "refused", why };
        const granted = budgets.check(claims, now);
        if ("kind" in granted) return granted;
        const resendAt = budgets.spend(granted, now);
        countSend.run(appendResend(row!.resends, { at: now, requesterKey }), resendAt, challengeId);
        enqueue.run(challengeId, now);
        idempotency.remember(mac, { kind: "challenges", challengeIds: [challengeId] }, row!.expires_at);
        return { kind: "resent", challenge: toChallenge(byId.get(challengeId)!) };
      });
    },

    takeAttempt({ challengeId, clientId, identifier, account, now }) {
      return writer.write((): AttemptOutcome => {
        const granted = budgets.check([identifier], now);
        if ("kind" in granted) return granted;
        if (reserve.run({ challengeId, clientId, now }).changes === 0) {
          return { kind: "refused", why: refusalOf(byId.get(challengeId), clientId, now) ?? "attempts_exhausted" };
        }
        budgets.spend(granted, now);
        if (account === null) return { kind: "taken", accountBudgetSpent: false };
        const accountGranted = budgets.check([account], now);
        if ("kind" in accountGranted) return { kind: "taken", accountBudgetSpent: true };
        budgets.spend(accountGranted, now);
        return { kind: "taken", accountBudgetSpent: false };
      });
    },
  };
}

function unsendable(row: ChallengeRow): ChallengeRefusal | null {
  if (row.attempts >= row.attempts_max) return "attempts_exhausted";
  if (row.sends >= row.sends_max) return "sends_exhausted";
  return null;
}

function freeAt(rows: readonly LiveRow[], max: number): EpochMs {
  return rows[rows.length - max]?.expires_at ?? 0;
}
