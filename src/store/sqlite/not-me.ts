import type { Database } from "better-sqlite3";
import type { Store } from "../port/store.js";
import { isLiveChallenge } from "../shared/rows.js";
import type { Writer } from "./writer.js";

/** Ends what the recipients of messages disown. */
export function createNotMe(db: Database, writer: Writer): Store["notMe"] {
  const registrationOf = db
    .prepare<[string], string | null>("SELECT registration_id FROM challenges WHERE challenge_id = ?")
    .pluck();
  const challengesOf = db.prepare<[string], string>("SELECT challenge_id FROM challenges WHERE registration_id = ?").pluck();
  const endChallenge = db.prepare<Parameters<Store["notMe"]["disown"]>[0]>(`
    UPDATE challenges AS c SET decoy = 1, sealed_code = NULL
    WHERE c.challenge_id = @challengeId AND c.decoy = 0 AND ${isLiveChallenge("@now")}`);
  const endRegistration = db.prepare<[string]>("DELETE FROM registrations WHERE registration_id = ?");
  const endSessions = db.prepare<[string]>("DELETE FROM sessions WHERE challenge_id = ?");
  return {
    disown: ({ challengeId, now }) =>
      writer.write(() => {
        const registrationId = registrationOf.get(challengeId) ?? null;
        const ids = registrationId === null ? [challengeId] : challengesOf.all(registrationId);
        const endedChallenges = ids.map((id) => endChallenge.run({ challengeId: id, now }).changes);
        if (registrationId !== null) endRegistration.run(registrationId);
        const endedSessions = ids.map((id) => endSessions.run(id).changes);
        return { endedChallenge: sum(endedChallenges) > 0, endedSessions: sum(endedSessions) };
      }),
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
