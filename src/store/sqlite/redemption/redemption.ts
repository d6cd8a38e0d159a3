import type { Database } from "better-sqlite3";
import type { Store } from "../../port/store.js";
import { toChallenge } from "../../shared/rows.js";
import type { Budgets } from "../budgets.js";
import type { Idempotency } from "../idempotency.js";
import type { Lockouts } from "../lockouts.js";
import type { People } from "../people/people.js";
import { type ChallengeRow, challengeColumns } from "../rows.js";
import type { Sessions } from "../sessions.js";
import type { Writer } from "../writer.js";
import { createConsume } from "./consume.js";
import { createEffects } from "./effects.js";

type Operations = Pick<Store["challenges"], "claimHook" | "redeem" | "findRedemption">;

interface Parts {
  readonly writer: Writer;
  readonly budgets: Budgets;
  readonly idempotency: Idempotency;
  readonly lockouts: Lockouts;
  readonly people: People;
  readonly sessions: Sessions;
}

export function createRedemption(db: Database, parts: Parts): Operations {
  const { writer, idempotency } = parts;
  const effects = createEffects(db, parts);
  const consume = createConsume(db, { ...parts, effects });
  const select = db.prepare<[string], ChallengeRow>(`SELECT ${challengeColumns} FROM challenges c WHERE c.challenge_id = ?`);
  const claimHook = db.prepare<Parameters<Operations["claimHook"]>[0]>(
    "UPDATE challenges SET hook_at = @now WHERE challenge_id = @challengeId AND (hook_at IS NULL OR hook_at <= @now - @claimMs)",
  );
  return {
    claimHook: (change) => writer.write(() => claimHook.run(change).changes > 0),

    redeem: (change) => writer.write(() => consume(change)),

    findRedemption({ idempotency: mac, now }) {
      return writer.readTogether(() => {
        const outcome = idempotency.find(mac, now);
        if (outcome?.kind !== "redeemed") return null;
        const row = select.get(outcome.challengeId);
        if (row === undefined || row.expires_at <= now) return null;
        // The contact was removed since, or its person erased.
        if (row.contact_value === null) return null;
        const redemption = effects.ofPurpose[row.purpose].recall(outcome, { appId: row.app_id, now });
        return redemption === null ? null : { challenge: toChallenge(row), redemption };
      });
    },
  };
}
