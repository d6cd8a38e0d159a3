import type { Database } from "better-sqlite3";
import type { Challenge, NewChallenge } from "../../model/challenge.js";
import { resendRefusalOf } from "../../model/challenge-state.js";
import type { Channel } from "../../model/channel.js";
import type { EpochMs } from "../../model/time.js";
import type { LaterMessage } from "../port/challenges.js";
import type { Store } from "../port/store.js";
import { toChallenge } from "../shared/rows.js";
import type { Budgets } from "./budgets.js";
import { createCheckGuards } from "./guards.js";
import type { Idempotency } from "./idempotency.js";
import type { Lookups } from "./people/lookups.js";
import { appendResend, type ChallengeRow, challengeColumns } from "./rows.js";
import type { Writer } from "./writer.js";

type Operations = Pick<Store["challenges"], "prepareSend" | "issue" | "resend">;

export function createSends(
  db: Database,
  parts: { writer: Writer; budgets: Budgets; idempotency: Idempotency; lookups: Lookups },
): Operations {
  const { writer, budgets, idempotency, lookups } = parts;
  const checkGuards = createCheckGuards(db, budgets);
  const byId = db.prepare<[string], ChallengeRow>(`SELECT ${challengeColumns} FROM challenges c WHERE c.challenge_id = ?`);
  const insert = db.prepare(`
    INSERT INTO challenges (challenge_id, pool_id, app_id, client_id, purpose, channel, identifier_key, budget_key, requester_key, contact_kind,
      contact_value, user_id, replaces, decoy, is_test, registration_id, masked_destination, locale, code_length, hash_profile, pepper_id, salt, tag, sealed_code,
      words, attempts_max, sends_max, created_at, expires_at, resend_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const insertRegistration = db.prepare<[string, Uint8Array, EpochMs]>(
    "INSERT INTO registrations (registration_id, sealed_profile, expires_at) VALUES (?, ?, ?)",
  );
  const enqueue = db.prepare<[string, Channel | null, EpochMs, EpochMs, 0 | 1]>(
    "INSERT INTO outbox (challenge_id, channel, due_at, queued_at, muted) VALUES (?, ?, ?, ?, ?)",
  );
  // Of one sequence with the ids of the outbox, so that no id is in both tables.
  const dequeue = db.prepare<[number | bigint]>("DELETE FROM outbox WHERE outbox_id = ?");
  const enqueueLater = db.prepare<[number | bigint, string, Channel, EpochMs, EpochMs, 0 | 1]>(
    `INSERT INTO outbox_later (outbox_id, challenge_id, channel, due_at, tries, carrier, unknowns, queued_at, muted)
      VALUES (?, ?, ?, ?, 0, 0, 0, ?, ?)`,
  );
  const countSend = db.prepare<[string, EpochMs, string]>(
    "UPDATE challenges SET sends = sends + 1, resends = ?, resend_at = ? WHERE challenge_id = ? AND sends < sends_max",
  );
  function issueOne(
    challenge: NewChallenge,
    { registrationId, resendAt, now }: { registrationId: string | null; resendAt: EpochMs; now: EpochMs },
  ): Challenge {
    const { codeHash: hash, sealedCode, words, ...rest } = challenge;
    insert.run(
      challenge.challengeId,
      challenge.poolId,
      challenge.appId,
      challenge.clientId,
      challenge.purpose,
      challenge.channel,
      challenge.identifierKey,
      challenge.budgetKey,
      challenge.requesterKey,
      challenge.contact?.kind ?? null,
      challenge.contact?.value ?? null,
      challenge.userId,
      challenge.replaces,
      challenge.decoy ? 1 : 0,
      challenge.isTest ? 1 : 0,
      registrationId,
      challenge.maskedDestination,
      challenge.locale,
      challenge.codeLength,
      hash.profile,
      hash.pepperId,
      hash.salt,
      hash.tag,
      sealedCode,
      words === undefined ? null : JSON.stringify(words),
      challenge.attemptsMax,
      challenge.sendsMax,
      now,
      challenge.expiresAt,
      resendAt,
    );
    return Object.assign(rest, {
      codeHash: hash,
      registrationId,
      attempts: 0,
      sends: 1,
      createdAt: now,
      resendAt,
      consumedAt: null,
      cancelledAt: null,
    });
  }

  function putOff(challengeId: string, { channel, dueAt }: LaterMessage, given: { now: EpochMs; muted: 0 | 1 }): void {
    const { lastInsertRowid: id } = enqueue.run(challengeId, channel, dueAt, given.now, given.muted);
    dequeue.run(id);
    enqueueLater.run(id, challengeId, channel, dueAt, given.now, given.muted);
  }

  function replay(mac: Uint8Array | null, now: EpochMs): readonly Challenge[] | null {
    const outcome = idempotency.find(mac, now);
    if (outcome?.kind !== "challenges") return null;
    const rows = outcome.challengeIds.map((id) => byId.get(id));
    return rows.every((row) => row !== undefined) ? rows.map(toChallenge) : null;
  }

  return {
    prepareSend({ idempotency: mac, recipientOf, guards, now }) {
      return writer.readTogether(() => {
        const challenges = replay(mac, now);
        if (challenges !== null) return { kind: "replayed", challenges };
        const granted = checkGuards(guards, now);
        if ("kind" in granted) return granted;
        return { kind: "ready", recipient: recipientOf && lookups.recipient(recipientOf) };
      });
    },

    issue({ idempotency: mac, registration, challenges, deliverAt, now }) {
      return writer.writeUnflushed(() => {
        const earlier = replay(mac, now);
        if (earlier !== null) return { kind: "replayed", challenges: earlier };
        const guards = challenges.map(({ guard }) => guard);
        const granted = checkGuards(guards, now);
        if ("kind" in granted) return granted;
        const isMuted = !budgets.spendHidden(
          guards.flatMap(({ hidden = [] }) => hidden),
          now,
        );
        const muted = isMuted ? 1 : 0;
        const issued = challenges.map(({ challenge, later = [] }, index) => {
          const resendAt = budgets.spend(granted[index]!, now);
          enqueue.run(challenge.challengeId, null, deliverAt ?? now, now, muted);
          for (const message of later) putOff(challenge.challengeId, message, { now, muted });
          return issueOne(challenge, { registrationId: registration?.registrationId ?? null, resendAt, now });
        });
        const expiresAt = Math.max(...challenges.map(({ challenge }) => challenge.expiresAt));
        if (registration !== null) insertRegistration.run(registration.registrationId, registration.sealedProfile, expiresAt);
        idempotency.remember(mac, { kind: "challenges", challengeIds: issued.map((one) => one.challengeId) }, expiresAt);
        return { kind: "issued", challenges: issued, ...(isMuted ? { isMuted } : {}) };
      });
    },

    resend({ challengeId, clientId, requesterKey, idempotency: mac, charges, hidden = [], channel = null, deliverAt, now }) {
      return writer.writeUnflushed(() => {
        const earlier = replay(mac, now)?.[0];
        if (earlier !== undefined) return { kind: "replayed", challenge: earlier };
        const row = byId.get(challengeId);
        if (row === undefined) return { kind: "refused", why: "unknown" };
        const why = resendRefusalOf(toChallenge(row), clientId, now);
        if (why !== null) return { kind: "refused", why };
        const granted = budgets.check(charges, now);
        if ("kind" in granted) return granted;
        const resendAt = budgets.spend(granted, now);
        countSend.run(appendResend(row.resends, { at: now, requesterKey }), resendAt, challengeId);
        const isMuted = !budgets.spendHidden(hidden, now);
        enqueue.run(challengeId, channel, deliverAt ?? now, now, isMuted ? 1 : 0);
        idempotency.remember(mac, { kind: "challenges", challengeIds: [challengeId] }, row.expires_at);
        return { kind: "resent", challenge: toChallenge(byId.get(challengeId)!), ...(isMuted ? { isMuted } : {}) };
      });
    },
  };
}
