import type { Database } from "better-sqlite3";
import { guessRefusalOf } from "../../model/challenge-state.js";
import type { EpochMs } from "../../model/time.js";
import type { AttemptOutcome } from "../port/challenges.js";
import type { Store } from "../port/store.js";
import { isLiveChallenge, toChallenge, toChallengeToVerify, toWords } from "../shared/rows.js";
import type { Budgets, Grantable } from "./budgets.js";
import type { Lockouts } from "./lockouts.js";
import { challengeContact, claimant, countsForPerson, verifiedHolder } from "./people/holders.js";
import { type ChallengeRow, challengeColumns } from "./rows.js";
import type { Writer } from "./writer.js";

function isBelowShare({ charge, failures }: Grantable): boolean {
  return charge.failuresShare === undefined || failures < charge.failuresShare;
}

type Operations = Pick<
  Store["challenges"],
  "find" | "findToGuess" | "findNewest" | "findLimit" | "findLockout" | "takeAttempt"
>;

export function createAttempts(db: Database, parts: { writer: Writer; budgets: Budgets; lockouts: Lockouts }): Operations {
  const { writer, budgets, lockouts } = parts;
  const byId = db.prepare<[string], ChallengeRow>(`SELECT ${challengeColumns} FROM challenges c WHERE c.challenge_id = ?`);
  const toVerify = db.prepare<
    { challengeId: string; trusted: number },
    ChallengeRow & { contact_user_id: string | null; sealed_profile: Buffer | null }
  >(`
    SELECT ${challengeColumns}, coalesce(${verifiedHolder(challengeContact)},
        ${claimant({ ...challengeContact, condition: countsForPerson("@trusted") })}) AS contact_user_id, r.sealed_profile
    FROM challenges c
    LEFT JOIN registrations r ON r.registration_id = c.registration_id
    WHERE c.challenge_id = @challengeId`);
  const newest = db.prepare<Parameters<Operations["findNewest"]>[0], ChallengeRow & { words: string | null }>(`
    SELECT ${challengeColumns}, c.words FROM challenges c
    WHERE c.identifier_key = @identifierKey AND c.purpose = @purpose AND c.client_id = @clientId AND c.requester_key = @requesterKey
      AND ${isLiveChallenge("@now")}
    ORDER BY c.created_at DESC, c.challenge_id DESC LIMIT 1`);
  const reserve = db.prepare<{ challengeId: string; clientId: string; now: EpochMs }>(`
    UPDATE challenges AS c SET attempts = attempts + 1
    WHERE c.challenge_id = @challengeId AND c.client_id = @clientId AND c.attempts < c.attempts_max AND ${isLiveChallenge("@now")}`);

  return {
    find(challengeId, trustClaims = false) {
      return writer.read(() => {
        const row = toVerify.get({ challengeId, trusted: trustClaims ? 1 : 0 });
        return row === undefined ? null : toChallengeToVerify(row);
      });
    },

    findToGuess({ challengeId, trustClaims, ofChallenge, charges, now }) {
      return writer.read(() => {
        const row = toVerify.get({ challengeId, trusted: trustClaims ? 1 : 0 });
        if (row === undefined) return { challenge: null, limited: null };
        const own = ofChallenge.map(({ keyPrefix, keySuffix, ...charge }) => ({
          ...charge,
          key: Buffer.concat([keyPrefix, row.budget_key, keySuffix]),
        }));
        const checked = budgets.check([...own, ...charges], now);
        return { challenge: toChallengeToVerify(row), limited: "kind" in checked ? checked : null };
      });
    },

    findNewest(query) {
      return writer.read(() => {
        const row = newest.get(query);
        return row === undefined ? null : { ...toChallenge(row), words: toWords(row.words) };
      });
    },

    findLockout: ({ key, now }) => writer.read(() => lockouts.find(key, now)),

    findLimit({ charges, now }) {
      return writer.read(() => {
        const checked = budgets.check(charges, now);
        return "kind" in checked ? checked : null;
      });
    },

    takeAttempt({
      challengeId,
      clientId,
      requester,
      identifier,
      userRequester,
      user,
      contact: counted,
      network = [],
      lockout,
      now,
    }) {
      return writer.writeUnflushed((): AttemptOutcome => {
        const charges = [requester, identifier, ...(counted === null ? [] : [counted]), ...network];
        const granted = budgets.check(charges, now);
        if ("kind" in granted) return granted;
        if (reserve.run({ challengeId, clientId, now }).changes === 0) {
          const row = byId.get(challengeId);
          const why = guessRefusalOf(row === undefined ? null : toChallenge(row), clientId, now);
          return { kind: "refused", why: why ?? "unknown" };
        }
        const hidden = [userRequester, user];
        const hiddenGranted = budgets.check(hidden, now);
        const userBudgetSpent = "kind" in hiddenGranted;
        budgets.spend(granted, now, { counting: !userBudgetSpent && hiddenGranted.every(isBelowShare) });
        if (userBudgetSpent) budgets.rewrite(hidden);
        else budgets.spend(hiddenGranted, now);
        const lockedUntil = lockout === null ? null : lockouts.countFailure(lockout, now);
        const failures = Math.max(...granted.map((one) => one.failures));
        return { kind: "taken", userBudgetSpent, lockedUntil, failures };
      });
    },
  };
}
