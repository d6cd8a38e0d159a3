import type { Database } from "better-sqlite3";
import type { Contact } from "../../model/contact.js";
import type { EpochMs } from "../../model/time.js";
import type { TakeBackOutcome } from "../port/not-me.js";
import type { Store } from "../port/store.js";
import { type ContactChangeRow, contactChangeColumns, isLiveChallenge } from "../shared/rows.js";
import type { People } from "./people/people.js";
import type { Sessions } from "./sessions.js";
import type { Writer } from "./writer.js";

type Operations = Store["notMe"];
type TakeBack = Parameters<Operations["takeBack"]>[0];

/** Ends what the recipients of messages disown. */
export function createNotMe(
  db: Database,
  { writer, people, sessions }: { readonly writer: Writer; readonly people: People; readonly sessions: Sessions },
): Operations {
  const disown = createDisown(db);
  const takeBack = createTakeBack(db, { people, sessions });
  return {
    disown: (change) => writer.write(() => disown(change)),
    takeBack: (change) => writer.write(() => takeBack(change)),
  };
}

function createDisown(db: Database) {
  const registrationOf = db
    .prepare<[string], string | null>("SELECT registration_id FROM challenges WHERE challenge_id = ?")
    .pluck();
  const challengesOf = db.prepare<[string], string>("SELECT challenge_id FROM challenges WHERE registration_id = ?").pluck();
  const endChallenge = db.prepare<Parameters<Operations["disown"]>[0]>(`
    UPDATE challenges AS c SET decoy = 1, sealed_code = NULL
    WHERE c.challenge_id = @challengeId AND c.decoy = 0 AND ${isLiveChallenge("@now")}`);
  const endRegistration = db.prepare<[string]>("DELETE FROM registrations WHERE registration_id = ?");
  const endSessions = db.prepare<[string]>("DELETE FROM sessions WHERE challenge_id = ?");
  return ({ challengeId, now }: Parameters<Operations["disown"]>[0]) => {
    const registrationId = registrationOf.get(challengeId) ?? null;
    const ids = registrationId === null ? [challengeId] : challengesOf.all(registrationId);
    const endedChallenges = ids.map((id) => endChallenge.run({ challengeId: id, now }).changes);
    if (registrationId !== null) endRegistration.run(registrationId);
    const endedSessions = ids.map((id) => endSessions.run(id).changes);
    return { endedChallenge: sum(endedChallenges) > 0, endedSessions: sum(endedSessions) };
  };
}

function createTakeBack(db: Database, { people, sessions }: { readonly people: People; readonly sessions: Sessions }) {
  const { changes, contacts, challenges } = people;
  const find = db.prepare<TakeBack, ContactChangeRow>(
    `SELECT ${contactChangeColumns} FROM contact_changes n WHERE n.change_id = @changeId AND n.expires_at > @now`,
  );
  const holderOf = db
    .prepare<[string, string, string], string>("SELECT user_id FROM contacts WHERE pool_id = ? AND kind = ? AND value = ?")
    .pluck();
  const firstRank = db
    .prepare<[string, string], number | null>("SELECT min(rank) - 1 FROM contacts WHERE user_id = ? AND kind = ?")
    .pluck();
  const makePrimary = db.prepare<[number, EpochMs, string, string, string]>(
    "UPDATE contacts SET rank = ?, verified_at = ? WHERE pool_id = ? AND kind = ? AND value = ?",
  );
  const verifiedSince = db.prepare<[string, EpochMs], Contact>(
    "SELECT kind, value FROM contacts WHERE user_id = ? AND verified_at >= ?",
  );
  const forget = db.prepare<{ changeId: string; userId: string; changedAt: EpochMs }>(
    "DELETE FROM contact_changes WHERE change_id = @changeId OR user_id = @userId AND verified_at >= @changedAt",
  );

  return ({ changeId, now }: TakeBack): TakeBackOutcome => {
    const change = find.get({ changeId, now });
    if (change === undefined) return "unknown";
    const { pool_id: poolId, app_id: appId, user_id: userId, kind, value } = change;
    const { verified_at: verifiedAt, changed_at: changedAt } = change;
    const holder = holderOf.get(poolId, kind, value);
    if (holder !== undefined && holder !== userId) return "taken";
    const of = { poolId, appId, userId };
    for (const added of verifiedSince.all(userId, changedAt)) {
      if (added.kind !== kind || added.value !== value) contacts.drop(of, added, now);
    }
    const rank = firstRank.get(userId, kind) ?? now;
    if (holder === undefined) changes.verify(of, { contact: { kind, value }, at: verifiedAt, rank });
    else makePrimary.run(rank, verifiedAt, poolId, kind, value);
    // Otherwise a change whose code is being checked now would add its contact after this.
    challenges.endChangesOf({ userId, now });
    forget.run({ changeId, userId, changedAt });
    sessions.removeAllOf({ userId, appId: null });
    return "taken_back";
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
