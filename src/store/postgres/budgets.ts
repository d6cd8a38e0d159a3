import type { EpochMs } from "../../model/time.js";
import type { Store } from "../port/store.js";
import { type Database, type Statement, unflushed } from "./database.js";
import { functionName } from "./functions/set.js";
import { chargesParameter, hex } from "./parameters.js";

const spend: Statement = {
  name: "spend_budgets",
  text: `SELECT r.retry_at FROM ${unflushed}, ${functionName("spend_budgets")}($1, 0, NULL, $2) r`,
};

export function createBudgets(db: Database): Store["budgets"] {
  return {
    async spend({ charges, now }) {
      if (charges.length === 0) return null;
      const given = chargesParameter(charges.map((charge) => ({ charge })));
      const [row] = await db.rows<{ retry_at: EpochMs }>(spend, [given, now], hex(charges[0]!.key));
      return row!.retry_at > now ? { kind: "limited", retryAt: row!.retry_at } : null;
    },
  };
}
