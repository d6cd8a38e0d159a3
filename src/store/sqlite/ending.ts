import type { Database } from "better-sqlite3";
import { refusalOf } from "../../model/challenge-state.js";
import type { EpochMs } from "../../model/time.js";
import type { Store } from "../port/store.js";
import type { Budgets } from "./budgets.js";
import { type ChallengeRow, lifeOf, returnsOfSends, sendsOf } from "./rows.js";
import type { Writer } from "./writer.js";

const columns = [
  "app_id",
  "client_id",
  "registration_id",
  "budget_key",
  "requester_key",
  "resends",
  "created_at",
  "expires_at",
  "consumed_at",
  "cancelled_at",
] as const;

type Operations = Pick<Store["challenges"], "end" | "listSends">;

/** Ends challenges by the decision of a client instead of a code. */
export function createEnding(db: Database, parts: { writer: Writer; budgets: Budgets }): Operations {
  const { writer, budgets } = parts;
  const select = db.prepare<[string], Pick<ChallengeRow, (typeof columns)[number]>>(
    `SELECT ${columns.join(", ")} FROM challenges WHERE challenge_id = ?`,
  );
  const end = {
    cancel: db.prepare<[EpochMs, string]>("UPDATE challenges SET cancelled_at = ?, sealed_code = NULL WHERE challenge_id = ?"),
    approve: db.prepare<[EpochMs, string]>("UPDATE challenges SET consumed_at = ?, sealed_code = NULL WHERE challenge_id = ?"),
  };
  const cancelSiblings = db.prepare<[EpochMs, string]>(`
    UPDATE challenges SET cancelled_at = ?, sealed_code = NULL
    WHERE registration_id = ? AND consumed_at IS NULL AND cancelled_at IS NULL`);
  const endRegistration = db.prepare<[string]>("DELETE FROM registrations WHERE registration_id = ?");
  return {
    listSends: (challengeId) =>
      writer.read(() => {
        const row = select.get(challengeId);
        return row === undefined ? [] : sendsOf(row).map(({ at }) => at);
      }),
    end: ({ challengeId, appId, how, sendReturns, now }) =>
      writer.write(() => {
        const row = select.get(challengeId);
        if (row === undefined || row.app_id !== appId) return "unknown";
        const why = refusalOf(lifeOf(row), row.client_id, now);
        if (why !== null) return why;
        end[how].run(now, challengeId);
        if (row.registration_id !== null) {
          cancelSiblings.run(now, row.registration_id);
          endRegistration.run(row.registration_id);
        }
        if (how === "approve") budgets.giveBack(returnsOfSends(row, sendReturns), now);
        return null;
      }),
  };
}
