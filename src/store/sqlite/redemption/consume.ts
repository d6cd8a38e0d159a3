import type { Database } from "better-sqlite3";
import type { ChallengeRefusal } from "../../../model/challenge.js";
import { refusalOf } from "../../../model/challenge-state.js";
import type { EpochMs } from "../../../model/time.js";
import type { RedeemChange, RedeemOutcome } from "../../port/redemption.js";
import { contactOf } from "../../shared/rows.js";
import type { Budgets } from "../budgets.js";
import { type Idempotency, nothingRemembered } from "../idempotency.js";
import type { Lockouts } from "../lockouts.js";
import { lifeOf, returnsOfSends } from "../rows.js";
import { type ConsumableRow, consumableColumns } from "./effect.js";
import type { Effects } from "./effects.js";

/** Redeems a challenge inside the caller's transaction. The effect holds everything that differs by purpose. */
export type Consume = (change: RedeemChange) => RedeemOutcome;

/** The part of a redemption that is the same for every purpose. A refusal changes nothing, and a challenge is consumed once. */
export function createConsume(
  db: Database,
  parts: {
    budgets: Budgets;
    idempotency: Idempotency;
    lockouts: Lockouts;
    effects: Effects;
  },
): Consume {
  const { budgets, idempotency, lockouts, effects } = parts;
  const select = db.prepare<[string], ConsumableRow>(
    `SELECT ${consumableColumns.join(", ")} FROM challenges WHERE challenge_id = ?`,
  );
  const consume = db.prepare<[EpochMs, string]>(
    "UPDATE challenges SET consumed_at = ?, sealed_code = NULL WHERE challenge_id = ? AND consumed_at IS NULL",
  );
  // Another requester's sibling still looks live. Otherwise its holder would see whether and when the recipient redeemed this
  // one.
  const endSibling = db.prepare<{ challengeId: string; requesterKey: Uint8Array; now: EpochMs }>(`
    UPDATE challenges SET sealed_code = NULL, decoy = 1, cancelled_at = CASE WHEN requester_key = @requesterKey THEN @now END
    WHERE challenge_id = @challengeId`);

  return (change) => {
    const { challengeId, now } = change;
    const row = select.get(challengeId);
    if (row === undefined) return refused("unknown");
    const why = refusalOf(lifeOf(row), row.client_id, now);
    if (why !== null) return refused(why);
    const contact = contactOf(row);
    if (row.decoy === 1 || contact === null) return refused("decoy");
    const effect = row.is_test === 1 ? effects.ofTests[row.purpose] : effects.ofPurpose[row.purpose];
    if (effect === undefined) return refused("decoy");
    const decision = effect.decide(row, contact, change);
    if (typeof decision === "string") return refused(decision);
    if (typeof decision === "object") return decision;

    consume.run(now, challengeId);
    const { redemption, siblings, remembered } = decision();
    for (const sibling of siblings) endSibling.run({ challengeId: sibling, requesterKey: row.requester_key, now });
    budgets.giveBack([...change.returns, ...returnsOfSends(row, change.sendReturns)], now);
    if (change.lockoutKey !== null) lockouts.clear(change.lockoutKey);
    const outcome = { kind: "redeemed", challengeId, ...nothingRemembered, ...remembered } as const;
    idempotency.remember(change.idempotency, outcome, row.expires_at);
    return { kind: "redeemed", redemption };
  };
}

function refused(why: ChallengeRefusal): RedeemOutcome {
  return { kind: "refused", why };
}
