import type { ChallengeRefusal } from "../../model/challenge.js";
import { refusalOf } from "../../model/challenge-state.js";
import type { ContactKind } from "../../model/contact.js";
import type { NewSession, Session } from "../../model/session.js";
import type { RedeemOutcome, Redemption } from "../port/challenges.js";
import type { Store } from "../port/store.js";
import {
  type ChallengeRow,
  challengeColumns,
  isLiveSession,
  type SessionRow,
  sessionColumns,
  toChallenge,
  toSession,
  userColumns,
} from "../shared/rows.js";
import { findChallengeIn } from "./attempts.js";
import type { Database, Statement } from "./database.js";
import { returnsParameter, sendReturnsParameter, sessionParameter, userParameter } from "./parameters.js";
import { toUser, type UserRow } from "./rows.js";

type Operations = Pick<Store["challenges"], "redeem" | "findRedemption">;

const redeem: Statement = {
  name: "redeem_challenge",
  text: `SELECT r.outcome, r.why, r.pending, r.is_new, r.username_taken, r.account_contacts, ${userColumns("(r.account)")}
    FROM redeem_challenge($1, $2, $3, $4, $5, $6, $7, $8) r`,
};
// Column names of challenge and session overlap, so each comes as a row of its own.
const remembered: Statement = {
  name: "find_redemption",
  text: `SELECT i.session_id AS signed_in, i.is_new_user, i.username_taken, i.pending_sources, ${challengeColumns("c")}
    FROM idempotency i JOIN challenges c ON c.challenge_id = i.challenge_ids[1]
    WHERE i.mac = $1 AND i.expires_at > $2 AND i.kind = 'redeemed' AND c.expires_at > $2`,
};
const unused: Statement = {
  name: "find_unused_session",
  text: `SELECT ${sessionColumns}, ${userColumns("u")}, contacts_of(u.user_id) AS account_contacts
    FROM sessions s JOIN users u ON u.user_id = s.user_id
    WHERE s.session_id = $1 AND s.generation = 0 AND ${isLiveSession("$2")}`,
};

interface RedeemRow extends UserRow {
  outcome: "refused" | Redemption["kind"];
  why: ChallengeRefusal | null;
  pending: ContactKind[] | null;
  is_new: boolean;
  username_taken: boolean;
}

type RememberedRow = ChallengeRow & {
  signed_in: string | null;
  is_new_user: boolean;
  username_taken: boolean;
  pending_sources: ContactKind[];
};

export function createRedemption(db: Database): Operations {
  const findChallenge = findChallengeIn(db);
  return {
    async redeem({
      challengeId,
      idempotency,
      returns,
      sendReturns,
      newUser,
      newSession,
      sessionsMax,
      now,
    }): Promise<RedeemOutcome> {
      const values = [
        challengeId,
        idempotency,
        returnsParameter(returns),
        sendReturnsParameter(sendReturns),
        userParameter(newUser, now),
        sessionParameter(newSession, now),
        sessionsMax,
        now,
      ];
      const [row] = await db.rows<RedeemRow>(redeem, values, challengeId);
      if (row!.outcome === "refused") {
        if (row!.why !== null) return { kind: "refused", why: row!.why };
        // A challenge that is not live never is again, so a later look still finds why.
        const challenge = await findChallenge(challengeId);
        return { kind: "refused", why: refusalOf(challenge, challenge?.clientId ?? "", now) ?? "unknown" };
      }
      return { kind: "redeemed", redemption: redemptionOf(row!, newSession, now) };
    },

    async findRedemption({ idempotency, now }) {
      const [row] = await db.rows<RememberedRow>(remembered, [idempotency, now]);
      if (row === undefined) return null;
      const challenge = toChallenge(row);
      if (row.pending_sources.length > 0) {
        return { challenge, redemption: { kind: "pending", pendingSources: row.pending_sources } };
      }
      if (row.signed_in === null) return { challenge, redemption: { kind: "proven" } };
      const [live] = await db.rows<SessionRow & UserRow>(unused, [row.signed_in, now]);
      if (live === undefined) return null;
      const { is_new_user: isNewUser, username_taken: usernameTaken } = row;
      return {
        challenge,
        redemption: { kind: "signed_in", session: toSession(live), user: toUser(live), isNewUser, usernameTaken },
      };
    },
  };
}

function redemptionOf(row: RedeemRow, newSession: NewSession, now: number): Redemption {
  if (row.outcome === "proven") return { kind: "proven" };
  if (row.outcome === "pending") return { kind: "pending", pendingSources: row.pending! };
  const user = toUser(row);
  const session: Session = { ...newSession, userId: user.userId, generation: 0, createdAt: now, lastUsedAt: now };
  return { kind: "signed_in", session, user, isNewUser: row.is_new, usernameTaken: row.username_taken };
}
