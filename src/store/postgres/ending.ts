import { refusalOf } from "../../model/challenge-state.js";
import type { EpochMs } from "../../model/time.js";
import type { Store } from "../port/store.js";
import { findChallengeIn } from "./attempts.js";
import type { Database, Statement } from "./database.js";
import { functionName } from "./functions/set.js";
import { sendReturnsParameter } from "./parameters.js";

const end: Statement = {
  name: "end_challenge",
  text: `SELECT ${functionName("end_challenge")}($1, $2, $3, $4, $5) AS ended`,
};

const listSends: Statement = {
  name: "list_sends",
  text: "SELECT array_prepend(c.created_at, c.resend_times) AS times FROM challenges c WHERE c.challenge_id = $1",
};

/** Ends challenges by the decision of a client instead of a code. */
export function createEnding(db: Database): Pick<Store["challenges"], "end" | "listSends"> {
  const findChallenge = findChallengeIn(db);
  return {
    async listSends(challengeId) {
      const [row] = await db.rows<{ times: EpochMs[] }>(listSends, [challengeId]);
      return row?.times ?? [];
    },

    async end({ challengeId, appId, how, sendReturns, now }) {
      const values = [challengeId, appId, how, sendReturnsParameter(sendReturns), now];
      const [row] = await db.rows<{ ended: boolean }>(end, values, challengeId);
      if (row!.ended) return null;
      // A challenge that is not live never becomes live again, so a later look still finds the reason.
      const challenge = await findChallenge(challengeId);
      if (challenge === null || challenge.appId !== appId) return "unknown";
      return refusalOf(challenge, challenge.clientId, now) ?? "unknown";
    },
  };
}
