import type { NotMe, TakeBackOutcome } from "../port/not-me.js";
import type { Database, Statement } from "./database.js";
import { functionName } from "./functions/set.js";

const disown: Statement = {
  name: "disown_challenge",
  text: `SELECT d.ended_challenge, d.ended_sessions FROM ${functionName("disown_challenge")}($1, $2) d`,
};

const takeBack: Statement = {
  name: "take_back_contact",
  text: `SELECT ${functionName("take_back_contact")}($1, $2) AS outcome`,
};

/** Ends what the recipients of messages disown. */
export function createNotMe(db: Database): NotMe {
  return {
    async disown({ challengeId, now }) {
      const [row] = await db.rows<{ ended_challenge: boolean; ended_sessions: number }>(
        disown,
        [challengeId, now],
        challengeId,
      );
      return { endedChallenge: row!.ended_challenge, endedSessions: row!.ended_sessions };
    },

    async takeBack({ changeId, now }) {
      const [row] = await db.rows<{ outcome: TakeBackOutcome }>(takeBack, [changeId, now], changeId);
      return row!.outcome;
    },
  };
}
