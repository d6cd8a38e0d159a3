import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Invariant, invariantNames } from "./check.js";
import type { Engine } from "./databases.js";
import { newFolder } from "./folders.js";

/** A guard taken out of a compiled file: `from`, which must be there once, becomes `to`. */
interface Replacement {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A race let in: a function of the database, which must lock rows while it reads them, reads them without. */
interface Unlocking {
  readonly file: string;
  readonly unlocked: string;
}

type Fault = Replacement | Unlocking;
type Faults = Readonly<Record<Invariant, readonly Fault[]> & Partial<Record<Race, readonly Fault[]>>>;

/** Faults that are right with one caller at a time, by name, with the invariant that they break. Only PostgreSQL locks rows. */
const races = {
  "single-use-race": "single-use",
  "attempt-cap-race": "attempt-cap",
  "budgets-race": "budgets",
} as const satisfies Record<string, Invariant>;

type Race = keyof typeof races;

/** What can be planted: the fault of an invariant, which has its name, or a race. */
export type Break = Invariant | Race;

export const breakNames = [...invariantNames, ...(Object.keys(races) as Race[])];

export function breaksOf(engine: Engine): Break[] {
  return Object.keys(faults[engine]) as Break[];
}

/** The invariant that a fault breaks. */
export function brokenBy(name: Break): Invariant {
  return name in races ? races[name as Race] : (name as Invariant);
}

/** The gate asks the database about a session once, and believes its first answer for good. */
const rememberedGate: Replacement = {
  file: "rpc/access.js",
  from: "const live = await deps.store.sessions.findLive({ sessionId: claims.sessionId, now });",
  to: `const remembered = (globalThis.remembered ??= new Map());
    const live = remembered.get(claims.sessionId) ?? (await deps.store.sessions.findLive({ sessionId: claims.sessionId, now }));
    if (live !== null) remembered.set(claims.sessionId, live);`,
};

const anyGenerationRotates: Replacement = {
  file: "store/rules/refresh-replay.js",
  from: 'return generation === newest - 1 && (inGrace || sameCall) ? "replayed" : "reused";',
  to: 'return "rotated";',
};

const sqlite: Faults = {
  "single-use": [
    {
      file: "store/sqlite/redemption/consume.js",
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
  "single-use-race": [{ file: "store/postgres/functions/redemption.js", unlocked: "lock_challenge" }],
  "attempt-cap-race": [{ file: "store/postgres/functions/sends.js", unlocked: "take_attempt" }],
  "budgets-race": [{ file: "store/postgres/functions/budgets.js", unlocked: "spend_budgets" }],
  "single-use": [
    {
      file: "store/postgres/functions/redemption.js",
      from: "IF v_challenge.challenge_id IS NULL OR NOT is_live(v_challenge, p_now) THEN",
      to: "IF v_challenge.challenge_id IS NULL THEN",
    },
  ],
  "attempt-cap": [{ file: "store/postgres/functions/sends.js", from: " AND attempts < attempts_max", to: "" }],
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
      file: "store/postgres/functions/budgets.js",
      from: "retry_at := greatest(retry_at, v_until);",
      to: "retry_at := p_until;",
    },
  ],
  // Of two calls with the same key at once, one fails instead of finding the other's outcome.
  foreseen: [
    {
      file: "store/postgres/functions/sends.js",
      from: `
  ON CONFLICT (mac) DO UPDATE SET kind = excluded.kind, challenge_ids = excluded.challenge_ids, session_id = NULL,
    expires_at = excluded.expires_at
  WHERE i.expires_at <= p_now;`,
      to: ";",
    },
  ],
  // Ends the caller's session as well.
  "one-order": [{ file: "store/postgres/sessions.js", from: "AND s.session_id <> $2 AND", to: "AND $2::text IS NOT NULL AND" }],
};

const faults: Record<Engine, Faults> = { sqlite, postgres };

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Copies the compiled program, with a fault planted, and gives the path of its `latchkey.cjs`. Throws when what it changes is not
 * where it is expected: a fault that is not planted would be searched for in vain.
 */
export function plantFault(engine: Engine, name: Break): string {
  const broken = breakFiles(engine, name);
  const folder = newFolder();
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
  cpSync(join(root, "package.json"), join(folder, "package.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [file, text] of broken) writeFileSync(join(folder, "dist", file), text);
  return join(folder, "dist/latchkey.cjs");
}

/** The compiled files that a fault changes, with it. */
export function breakFiles(engine: Engine, name: Break): Map<string, string> {
  const files = new Map<string, string>();
  const planted = faults[engine][name];
  if (planted === undefined) throw new Error(`${engine} has no ${name}`);
  for (const fault of planted) {
    const text = files.get(fault.file) ?? readFileSync(join(root, "dist", fault.file), "utf8");
    files.set(fault.file, "unlocked" in fault ? unlock(text, fault) : replace(text, fault));
  }
  return files;
}

function replace(text: string, { file, from, to }: Replacement): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`dist/${file} has ${parts.length - 1} places to break, not 1: ${from}`);
  return parts.join(to);
}

/** Takes all row locks out of the function, of which each reads otherwise as before. */
function unlock(text: string, { file, unlocked }: Unlocking): string {
  const begin = text.indexOf(`CREATE FUNCTION ${unlocked}(`);
  const end = text.indexOf("END $$;", begin);
  const body = text.slice(begin, end);
  const without = body.replaceAll(/\s+FOR UPDATE\b/g, "");
  if (begin < 0 || end < 0 || without === body) throw new Error(`dist/${file} has no ${unlocked} that locks rows`);
  return text.slice(0, begin) + without + text.slice(end);
}
