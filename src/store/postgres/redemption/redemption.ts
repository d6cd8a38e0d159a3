import type { ChallengeRefusal, Purpose } from "../../../model/challenge.js";
import { refusalOf } from "../../../model/challenge-state.js";
import type { RedeemOutcome } from "../../port/redemption.js";
import type { Store } from "../../port/store.js";
import { type ChallengeRow, challengeColumns, toChallenge } from "../../shared/rows.js";
import { findChallengeIn } from "../attempts.js";
import type { Database, Statement } from "../database.js";
import { functionName } from "../functions/set.js";
import { madeParameter, returnsParameter, sendReturnsParameter } from "../parameters.js";
import { findUserIn } from "../users.js";
import type { RememberedRedemption, WouldRegister } from "./effect.js";
import { effects } from "./effects.js";

type Operations = Pick<Store["challenges"], "redeem" | "findRedemption">;

const redeem: Statement = {
  name: "redeem_challenge",
  text: `SELECT r.why, r.purpose, r.result FROM ${functionName("redeem_challenge")}($1, $2, $3, $4, $5, $6, $7) r`,
};
const remembered: Statement = {
  name: "find_redemption",
  text: `SELECT i.session_id, i.user_id AS remembered_user_id, i.is_new_user, i.username_taken, i.pending_sources, ${challengeColumns("c")}
    FROM idempotency i JOIN challenges c ON c.challenge_id = i.challenge_ids[1]
    WHERE i.mac = $1 AND i.expires_at > $2 AND i.kind = 'redeemed' AND c.expires_at > $2`,
};

interface RedeemRow {
  why: ChallengeRefusal | "would_register" | "too_many_contacts" | null;
  purpose: Purpose;
  /** Null if refused. */
  result: unknown;
}

export function createRedemption(db: Database, { sessions }: { sessions: Pick<Store["sessions"], "findLive"> }): Operations {
  const findChallenge = findChallengeIn(db);
  const findIn = findUserIn(db);
  return {
    async redeem(change): Promise<RedeemOutcome> {
      const { challengeId, idempotency, returns, sendReturns, lockoutKey, now } = change;
      const given = [returnsParameter(returns), sendReturnsParameter(sendReturns), madeParameter(change)];
      const [row] = await db.rows<RedeemRow>(redeem, [challengeId, idempotency, ...given, lockoutKey, now], challengeId);
      const { why, purpose, result } = row!;
      if (why === "would_register") {
        const { is_new_to_pool: isNewToPool, contacts } = result as WouldRegister;
        return { kind: why, isNewToPool, contacts };
      }
      if (why === "too_many_contacts") return { kind: why };
      if (result !== null) return { kind: "redeemed", redemption: effects[purpose].toRedemption(result, change) };
      if (why !== null) return { kind: "refused", why };
      // A challenge that is not live never becomes live again, so a later look still finds the reason.
      const challenge = await findChallenge(challengeId);
      return { kind: "refused", why: refusalOf(challenge, challenge?.clientId ?? "", now) ?? "unknown" };
    },

    async findRedemption({ idempotency, now }) {
      const [row] = await db.rows<ChallengeRow & RememberedRedemption>(remembered, [idempotency, now]);
      // The contact was removed since, or its person erased.
      if (row === undefined || row.contact_value === null) return null;
      const findUser = (userId: string) => findIn({ userId, appId: row.app_id });
      const redemption = await effects[row.purpose].recall(row, { sessions, findUser, now });
      return redemption === null ? null : { challenge: toChallenge(row), redemption };
    },
  };
}
