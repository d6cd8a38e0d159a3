import type { Budget } from "../../model/metrics.js";
import type { EpochMs } from "../../model/time.js";
import type { Limited } from "../port/budgets.js";
import type { Store } from "../port/store.js";
import { type Database, type Statement, unflushed } from "./database.js";
import { functionName } from "./functions/set.js";
import { chargesParameter, hex } from "./parameters.js";

const spend: Statement = {
  name: "spend_budgets",
  text: `SELECT r.retry_at, r.refused_by FROM ${unflushed}, ${functionName("spend_budgets")}($1, 0, NULL, $2) r`,
};
const countFailures: Statement = {
  name: "count_failures",
  text: `SELECT coalesce((SELECT b.failures FROM budgets b WHERE b.key = k.key AND b.expires_at > $2), 0) AS failures
    FROM unnest($1::bytea[]) WITH ORDINALITY AS k (key, nth) ORDER BY k.nth`,
};
const forgive: Statement = {
  name: "forgive",
  text: `SELECT FROM ${functionName("forgive")}($1::bytea[], $2::bytea[], $3::bytea[])`,
};

export function createBudgets(db: Database): Store["budgets"] {
  return {
    async countFailures({ keys, now }) {
      if (keys.length === 0) return [];
      const rows = await db.rows<{ failures: number }>(countFailures, [keys.map(hex), now]);
      return rows.map(({ failures }) => failures);
    },
    async forgive({ spent, failures, lockouts }) {
      if (spent.length + failures.length + lockouts.length === 0) return;
      await db.rows(forgive, [spent.map(hex), failures.map(hex), lockouts.map(hex)]);
    },
    async spend({ charges, now }) {
      if (charges.length === 0) return null;
      const given = chargesParameter(charges.map((charge) => ({ charge })));
      const [row] = await db.rows<RefusedRow>(spend, [given, now], hex(charges[0]!.key));
      return row!.retry_at > now ? limited(row!) : null;
    },
  };
}

/** When charges would be granted, and the name of the one that refuses longest. */
export interface RefusedRow {
  retry_at: EpochMs;
  refused_by: Budget | null;
}

export function limited({ retry_at: retryAt, refused_by: name }: RefusedRow): Limited {
  return { kind: "limited", retryAt, ...(name === null ? {} : { name }) };
}
