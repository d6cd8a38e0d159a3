import { resendRefusalOf } from "../../model/challenge-state.js";
import { contactKindOf } from "../../model/channel.js";
import type { EpochMs } from "../../model/time.js";
import type { Recipient } from "../port/challenges.js";
import type { Store } from "../port/store.js";
import { type ChallengeRow, challengeColumns, toChallenge } from "../shared/rows.js";
import { limited, type RefusedRow } from "./budgets.js";
import { type Database, type Statement, unflushed } from "./database.js";
import { functionName } from "./functions/set.js";
import {
  challengeParameter,
  chargesParameter,
  guardChargesParameter,
  laterParameter,
  lockKeys,
  placesParameter,
} from "./parameters.js";

type Operations = Pick<Store["challenges"], "prepareSend" | "issue" | "resend">;

const prepare: Statement = {
  name: "prepare_send",
  text: `SELECT r.outcome, r.retry_at, r.refused_by, r.recipient_id, r.recipient_locale, r.recipient_contact, r.standing
    FROM ${functionName("prepare_send")}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) r`,
};
const issue: Statement = {
  name: "issue_challenges",
  text: `SELECT r.outcome, r.retry_at, r.refused_by, r.resend_at, r.muted
    FROM ${unflushed}, ${functionName("issue_challenges")}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) r`,
};
const resend: Statement = {
  name: "resend_challenge",
  text: `SELECT r.outcome, r.retry_at, r.refused_by, r.muted, ${challengeColumns("r")}
    FROM ${unflushed}, ${functionName("resend_challenge")}($1, $2, $3, $4, $5, $6, $7, $8) r`,
};
const replay: Statement = {
  name: "replayed_challenges",
  text: `SELECT ${challengeColumns("c")} FROM ${functionName("replayed_challenges")}($1, $2) AS ids, challenges c
    WHERE c.challenge_id = ANY (ids) ORDER BY array_position(ids, c.challenge_id)`,
};

interface OutcomeRow<Outcome extends string> extends RefusedRow {
  outcome: Outcome;
}
interface PreparedRow extends OutcomeRow<"ready" | "replayed" | "limited"> {
  recipient_id: string | null;
  recipient_locale: string;
  recipient_contact: string | null;
  standing: Recipient["standing"];
}
type IssuedRow = OutcomeRow<"issued" | "replayed" | "limited"> & { resend_at: EpochMs[]; muted: boolean };
type ResentRow = OutcomeRow<"resent" | "replayed" | "limited" | "refused"> & { muted: boolean } & (
    | ChallengeRow
    | { challenge_id: null }
  );

export function createSends(db: Database): Operations {
  /** Returns the earlier answer. A repeated call is rare enough for its own round trip. */
  async function replayed(mac: Uint8Array | null, now: EpochMs) {
    return { kind: "replayed", challenges: (await db.rows<ChallengeRow>(replay, [mac, now])).map(toChallenge) } as const;
  }

  return {
    async prepareSend({ idempotency, recipientOf, guards, now }) {
      const contactKind = recipientOf === null ? null : contactKindOf[recipientOf.channel];
      const { kind = null, value = null } = recipientOf?.identifier ?? {};
      const [row] = await db.rows<PreparedRow>(prepare, [
        idempotency,
        recipientOf?.poolId,
        recipientOf?.appId,
        recipientOf?.trustClaims,
        kind,
        value,
        contactKind,
        placesParameter(guards),
        guardChargesParameter(guards),
        now,
      ]);
      if (row!.outcome === "replayed") return await replayed(idempotency, now);
      if (row!.outcome === "limited") return limited(row!);
      const { recipient_id: userId, recipient_locale: locale, recipient_contact: found, standing } = row!;
      if (userId === null) return { kind: "ready", recipient: null };
      const contact = found === null || contactKind === null ? null : { kind: contactKind, value: found };
      return { kind: "ready", recipient: { userId, locale, contact, standing } };
    },

    async issue({ idempotency, registration, challenges, deliverAt, now }) {
      const registrationId = registration?.registrationId ?? null;
      const guards = challenges.map(({ guard }) => guard);
      const [row] = await db.rows<IssuedRow>(issue, [
        idempotency,
        registrationId,
        registration?.sealedProfile ?? null,
        JSON.stringify(
          challenges.map(({ challenge }, index) => ({
            ...challengeParameter(challenge, { registrationId, now }),
            nth: index + 1,
          })),
        ),
        Math.max(...challenges.map(({ challenge }) => challenge.expiresAt)),
        lockKeys(guards),
        placesParameter(guards),
        guardChargesParameter(guards),
        deliverAt ?? now,
        laterParameter(challenges),
        now,
      ]);
      if (row!.outcome === "limited") return limited(row!);
      if (row!.outcome === "replayed") return await replayed(idempotency, now);
      const made = { registrationId, attempts: 0, sends: 1, createdAt: now, consumedAt: null, cancelledAt: null };
      return {
        kind: "issued",
        ...(row!.muted ? { isMuted: true as const } : {}),
        challenges: challenges.map(({ challenge: { sealedCode: _, words: __, ...challenge } }, index) => ({
          ...challenge,
          ...made,
          resendAt: row!.resend_at[index]!,
        })),
      };
    },

    async resend({ challengeId, clientId, requesterKey, idempotency, charges, hidden = [], channel = null, deliverAt, now }) {
      const values = [
        challengeId,
        clientId,
        requesterKey,
        idempotency,
        chargesParameter([
          ...charges.map((charge, index) => ({ charge, sets: index === 0 ? 1 : null })),
          ...hidden.map((charge) => ({ charge, optional: true })),
        ]),
        channel,
        deliverAt ?? now,
        now,
      ];
      const [row] = await db.rows<ResentRow>(resend, values, challengeId);
      const { outcome } = row!;
      if (outcome === "limited") return limited(row!);
      const challenge = row!.challenge_id === null ? null : toChallenge(row!);
      if (outcome === "refused") return { kind: outcome, why: resendRefusalOf(challenge, clientId, now) ?? "unknown" };
      if (outcome === "resent" && row!.muted) return { kind: outcome, challenge: challenge!, isMuted: true };
      return { kind: outcome, challenge: challenge! };
    },
  };
}
