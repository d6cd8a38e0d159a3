import { resendRefusalOf } from "../rules/challenge-state.js";
import type { Contact, ContactKind, EpochMs, Limited, Store } from "../store.js";
import type { Database, Statement } from "./database.js";
import { challengeParameter, claimsParameter, guardClaimsParameter, placesParameter } from "./parameters.js";
import { type ChallengeRow, challengeColumns, challengeIn, toChallenge } from "./rows.js";

type Operations = Pick<Store, "prepareSend" | "issueChallenges" | "resendChallenge">;

const prepare: Statement = {
  name: "prepare_send",
  text: `SELECT r.outcome, r.retry_at, r.recipient_id, r.recipient_locale, r.recipient_contact, ${challengeColumns("(r.challenge)")}
    FROM prepare_send($1, $2, $3, $4, $5, $6, $7) r`,
};
const issue: Statement = {
  name: "issue_challenges",
  text: `SELECT r.outcome, r.retry_at, ${challengeColumns("(r.challenge)")}
    FROM issue_challenges($1, $2, $3, $4, $5, $6, $7, $8, $9) r`,
};
const resend: Statement = {
  name: "resend_challenge",
  text: `SELECT r.outcome, r.retry_at, ${challengeColumns("(r.challenge)")} FROM resend_challenge($1, $2, $3, $4, $5, $6, $7) r`,
};

type OutcomeRow<Outcome extends string> = (ChallengeRow | { challenge_id: null }) & { outcome: Outcome; retry_at: EpochMs };
type PreparedRow = OutcomeRow<"ready" | "replayed" | "limited"> & {
  recipient_id: string | null;
  recipient_locale: string;
  recipient_contact: string | null;
};

const contactKindOf: Readonly<Record<string, ContactKind>> = { email: "email", sms: "phone" };

export function createSends(db: Database): Operations {
  return {
    async prepareSend({ idempotency, recipientOf, guards, now }) {
      const contactKind = recipientOf === null ? null : contactKindOf[recipientOf.channel]!;
      const { kind = null, value = null } = recipientOf?.identifier ?? {};
      const rows = await db.rows<PreparedRow>(prepare, [
        idempotency,
        kind,
        value,
        contactKind,
        placesParameter(guards),
        guardClaimsParameter(guards),
        now,
      ]);
      const [row] = rows as [PreparedRow];
      if (row.outcome === "replayed") return { kind: "replayed", challenges: rows.map(challengeOf) };
      if (row.outcome === "limited") return limited(row);
      const { recipient_id: userId, recipient_locale: locale, recipient_contact: found } = row;
      if (userId === null) return { kind: "ready", recipient: null };
      const contactKindFound = kind === "username" ? contactKind : kind;
      const contact = found === null ? null : ({ kind: contactKindFound, value: found } as Contact);
      return { kind: "ready", recipient: { userId, locale, contact } };
    },

    async issueChallenges({ idempotency, registration, challenges, deliverAt, now }) {
      const registrationId = registration?.registrationId ?? null;
      const guards = challenges.map(({ guard }) => guard);
      const rows = await db.rows<OutcomeRow<"issued" | "replayed" | "limited">>(issue, [
        idempotency,
        registrationId,
        registration?.sealedProfile ?? null,
        JSON.stringify(challenges.map(({ challenge }) => challengeParameter(challenge, { registrationId, now }))),
        Math.max(...challenges.map(({ challenge }) => challenge.expiresAt)),
        placesParameter(guards),
        guardClaimsParameter(guards),
        deliverAt ?? now,
        now,
      ]);
      const { outcome, ...row } = rows[0]!;
      return outcome === "limited" ? limited(row) : { kind: outcome, challenges: rows.map(challengeOf) };
    },

    async resendChallenge({ challengeId, clientId, requesterKey, idempotency, claims, deliverAt, now }) {
      const [row] = await db.rows<OutcomeRow<"resent" | "replayed" | "limited" | "refused">>(resend, [
        challengeId,
        clientId,
        requesterKey,
        idempotency,
        claimsParameter(claims.map((claim, index) => ({ claim, sets: index === 0 ? 1 : null }))),
        deliverAt ?? now,
        now,
      ]);
      const { outcome } = row!;
      if (outcome === "limited") return limited(row!);
      if (outcome === "refused") {
        return { kind: outcome, why: resendRefusalOf(challengeIn(row!), clientId, now) ?? "unknown" };
      }
      return { kind: outcome, challenge: challengeOf(row!) };
    },
  };
}

function limited({ retry_at }: { retry_at: EpochMs }): Limited {
  return { kind: "limited", retryAt: retry_at };
}

/** Of a row whose outcome comes with a challenge. */
function challengeOf(row: ChallengeRow | { challenge_id: null }) {
  return toChallenge(row as ChallengeRow);
}
