import { guessRefusalOf } from "../../model/challenge-state.js";
import type { Budget } from "../../model/metrics.js";
import type { EpochMs } from "../../model/time.js";
import type { Store } from "../port/store.js";
import {
  type ChallengeRow,
  type ChallengeToVerifyRow,
  challengeColumns,
  isLiveChallenge,
  toChallenge,
  toChallengeToVerify,
  toWords,
} from "../shared/rows.js";
import { limited, type RefusedRow } from "./budgets.js";
import { type Database, type Statement, unflushed } from "./database.js";
import { claimantOf } from "./functions/person-rows.js";
import { functionName } from "./functions/set.js";
import { chargesParameter } from "./parameters.js";

type Operations = Pick<
  Store["challenges"],
  "find" | "findToGuess" | "findNewest" | "findLimit" | "findLockout" | "takeAttempt" | "claimHook"
>;

const toVerify = `${challengeColumns("c")}, r.sealed_profile,
      coalesce(o.user_id, ${claimantOf("c.app_id", "c.contact_kind", "c.contact_value", "$2")}) AS contact_user_id`;
const fromChallenges = `challenges c
    LEFT JOIN contacts o ON o.pool_id = c.pool_id AND o.kind = c.contact_kind AND o.value = c.contact_value
    LEFT JOIN registrations r ON r.registration_id = c.registration_id`;
const find: Statement = {
  name: "find_challenge",
  text: `SELECT ${toVerify} FROM ${fromChallenges} WHERE c.challenge_id = $1`,
};
const findToGuess: Statement = {
  name: "find_to_guess",
  text: `SELECT ${toVerify}, l.retry_at, l.refused_by
    FROM ${fromChallenges} CROSS JOIN LATERAL ${functionName("budgets_refused_until")}($3, c.budget_key, $4) l
    WHERE c.challenge_id = $1`,
};
const newest: Statement = {
  name: "find_newest_challenge",
  text: `SELECT ${challengeColumns("c")}, c.words FROM challenges c
    WHERE c.identifier_key = $1 AND c.purpose = $2 AND c.client_id = $3 AND c.requester_key = $4 AND ${isLiveChallenge("$5")}
    ORDER BY c.created_at DESC, c.challenge_id DESC LIMIT 1`,
};
const lockout: Statement = {
  name: "find_lockout",
  text: "SELECT locked_until FROM lockouts WHERE key = $1 AND locked_until > $2",
};
const limit: Statement = {
  name: "find_limit",
  text: `SELECT r.retry_at, r.refused_by FROM ${functionName("budgets_refused_until")}($1, NULL, $2) r`,
};
const take: Statement = {
  name: "take_attempt",
  text: `SELECT r.outcome, r.retry_at, r.refused_by, r.user_spent, r.locked_until, r.failures
    FROM ${unflushed}, ${functionName("take_attempt")}($1, $2, $3, $4, $5, $6, $7) r`,
};

interface AttemptRow {
  outcome: "taken" | "limited" | "refused";
  retry_at: EpochMs;
  refused_by: Budget | null;
  user_spent: boolean;
  locked_until: EpochMs | null;
  failures: number;
}

export function createAttempts(db: Database): Operations {
  const findChallenge = findChallengeIn(db);
  return {
    find: findChallenge,

    claimHook: async ({ challengeId, claimMs, now }) =>
      (await db.changes(hook, [challengeId, now, now - claimMs], challengeId)) === 1,

    async findToGuess({ challengeId, trustClaims, ofChallenge, charges, now }) {
      const given = [
        ...ofChallenge.map(({ keyPrefix, keySuffix, ...charge }) => ({
          charge: { ...charge, key: keyPrefix },
          suffix: keySuffix,
        })),
        ...charges.map((charge) => ({ charge })),
      ];
      const values = [challengeId, trustClaims, chargesParameter(given), now];
      const [row] = await db.rows<ChallengeToVerifyRow & RefusedRow>(findToGuess, values);
      if (row === undefined) return { challenge: null, limited: null };
      return { challenge: toChallengeToVerify(row), limited: row.retry_at > now ? limited(row) : null };
    },

    async findNewest({ clientId, identifierKey, requesterKey, purpose, now }) {
      const query = [identifierKey, purpose, clientId, requesterKey, now];
      const [row] = await db.rows<ChallengeRow & { words: string | null }>(newest, query);
      return row === undefined ? null : { ...toChallenge(row), words: toWords(row.words) };
    },

    async findLockout({ key, now }) {
      const [row] = await db.rows<{ locked_until: EpochMs }>(lockout, [key, now]);
      return row?.locked_until ?? null;
    },

    async findLimit({ charges, now }) {
      const [row] = await db.rows<RefusedRow>(limit, [chargesParameter(charges.map((charge) => ({ charge }))), now]);
      return row!.retry_at > now ? limited(row!) : null;
    },

    async takeAttempt({
      challengeId,
      clientId,
      requester,
      identifier,
      userRequester,
      user,
      contact,
      network = [],
      lockout: rule,
      now,
    }) {
      const charges = chargesParameter([
        { charge: requester },
        { charge: identifier },
        { charge: userRequester, optional: true },
        { charge: user, optional: true },
        ...(contact === null ? [] : [{ charge: contact }]),
        ...network.map((charge) => ({ charge })),
      ]);
      const [row] = await db.rows<AttemptRow>(
        take,
        [challengeId, clientId, charges, rule?.key, rule?.failuresMax, rule?.durationMs, now],
        challengeId,
      );
      const { outcome, user_spent: userBudgetSpent, locked_until: lockedUntil, failures } = row!;
      if (outcome === "limited") return limited(row!);
      if (outcome === "taken") return { kind: outcome, userBudgetSpent, lockedUntil, failures };
      // The reason of a refusal never goes away, so a later look still finds it.
      return { kind: outcome, why: guessRefusalOf(await findChallenge(challengeId), clientId, now) ?? "unknown" };
    },
  };
}

const hook: Statement = {
  name: "claim_hook",
  text: "UPDATE challenges SET hook_at = $2 WHERE challenge_id = $1 AND (hook_at IS NULL OR hook_at <= $3)",
};

export function findChallengeIn(db: Database): Store["challenges"]["find"] {
  return async (challengeId, trustClaims = false) => {
    const [row] = await db.rows<ChallengeToVerifyRow>(find, [challengeId, trustClaims]);
    return row === undefined ? null : toChallengeToVerify(row);
  };
}
