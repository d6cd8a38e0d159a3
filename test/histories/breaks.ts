import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Invariant } from "./check.js";
import type { Engine } from "./databases.js";
import { newFolder } from "./folders.js";

/** A guard taken out of a compiled file: `from`, which must be there once, becomes `to`. */
interface Fault {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

type Faults = Record<Invariant, readonly Fault[]>;

/** The gate asks the database about a session once, and believes its first answer for good. */
const rememberedGate: Fault = {
  file: "rpc/access.js",
  from: "const live = await deps.store.findLiveSession({ sessionId: claims.sessionId, now });",
  to: `const remembered = (globalThis.remembered ??= new Map());
    const live = remembered.get(claims.sessionId) ?? (await deps.store.findLiveSession({ sessionId: claims.sessionId, now }));
    if (live !== null) remembered.set(claims.sessionId, live);`,
};

const anyGenerationRotates: Fault = {
  file: "store/rules/refresh-replay.js",
  from: 'return generation === newest - 1 && (inGrace || sameCall) ? "replayed" : "reused";',
  to: 'return "rotated";',
};

const sqlite: Faults = {
  "single-use": [
    {
      file: "store/sqlite/redeem.js",
      from: "const why = refusalOf(lifeOf(row), row.client_id, now);",
      to: "const why = null;",
    },
  ],
  "attempt-cap": [{ file: "store/sqlite/attempts.js", from: " AND c.attempts < c.attempts_max", to: "" }],
  "one-successor": [anyGenerationRotates],
  "revocation-final": [rememberedGate],
  budgets: [
    {
      file: "store/sqlite/budgets.js",
      from: 'return retryAt > now ? { kind: "limited", retryAt } : grantable;',
      to: "return grantable;",
    },
  ],
  foreseen: [
    {
      file: "store/sqlite/sessions.js",
      from: "revokeOtherSessions: (change) => writer.write(() => removeOthers.run(change).changes),",
      to: 'revokeOtherSessions: async () => { throw new Error("planted"); },',
    },
  ],
  // Ends the caller's session as well.
  "one-order": [{ file: "store/sqlite/sessions.js", from: " AND session_id <> @keepSessionId", to: "" }],
};

const postgres: Faults = {
  "single-use": [
    {
      file: "store/postgres/schema/redemption.js",
      from: "IF v_challenge.challenge_id IS NULL OR NOT is_live(v_challenge, p_now) THEN",
      to: "IF v_challenge.challenge_id IS NULL THEN",
    },
  ],
  "attempt-cap": [{ file: "store/postgres/schema/sends.js", from: " AND attempts < attempts_max", to: "" }],
  // Any token of the family makes a successor of the newest.
  "one-successor": [
    {
      file: "store/postgres/sessions.js",
      from: "WHERE s.family = $1 AND s.generation = $2 AND s.client_id = $3",
      to: "WHERE s.family = $1 AND s.generation >= $2 AND s.client_id = $3",
    },
  ],
  "revocation-final": [rememberedGate],
  // Only the look before a send or a guess is left, which locks nothing.
  budgets: [
    {
      file: "store/postgres/schema/budgets.js",
      from: "retry_at := greatest(retry_at, v_until);",
      to: "retry_at := p_until;",
    },
  ],
  // Of two that make the same user at once, one fails instead of finding the other's.
  foreseen: [
    {
      file: "store/postgres/schema/redemption.js",
      from: "ON CONFLICT (kind, value) DO NOTHING RETURNING kind, value",
      to: "RETURNING kind, value",
    },
  ],
  // Ends the caller's session as well.
  "one-order": [{ file: "store/postgres/sessions.js", from: "AND s.session_id <> $2 AND", to: "AND $2::text IS NOT NULL AND" }],
};

const faults: Record<Engine, Faults> = { sqlite, postgres };

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Copies the compiled program, with the guard of an invariant taken out, and gives the path of its `latchkey.cjs`. Throws when a
 * guard is not where it is expected: a fault that is not planted would be searched for in vain.
 */
export function plantFault(engine: Engine, invariant: Invariant): string {
  const broken = breakFiles(engine, invariant);
  const folder = newFolder();
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
  cpSync(join(root, "package.json"), join(folder, "package.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [file, text] of broken) writeFileSync(join(folder, "dist", file), text);
  return join(folder, "dist/latchkey.cjs");
}

/** The compiled files in which the guard of an invariant is, without it. */
export function breakFiles(engine: Engine, invariant: Invariant): Map<string, string> {
  const files = new Map<string, string>();
  for (const { file, from, to } of faults[engine][invariant]) {
    const parts = (files.get(file) ?? readFileSync(join(root, "dist", file), "utf8")).split(from);
    if (parts.length !== 2)
      throw new Error(`dist/${file} has ${parts.length - 1} places to break ${invariant}, not 1: ${from}`);
    files.set(file, parts.join(to));
  }
  return files;
}
