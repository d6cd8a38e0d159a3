import type { Settings } from "../../config/settings.js";
import { compareKeys, foreignKeySentence, variableOf } from "../../crypto/key-checks.js";
import { keyringsOf, storeLocation } from "../../server/core.js";
import { openStore } from "../../store/open.js";
import { type Finding, ok, problem, warning } from "./finding.js";

/** Checks the database without changing it, and whether the configured keys are those that its data was written with. */
export async function checkDatabase(settings: Settings): Promise<readonly Finding[]> {
  const location = storeLocation(settings);
  const { findings, isReadable } =
    location.kind === "sqlite"
      ? (await import("./sqlite.js")).checkSqlite(location.path)
      : await (await import("./postgres.js")).checkPostgres(location);
  return isReadable ? [...findings, ...(await checkKeyValues(settings))] : findings;
}

async function checkKeyValues(settings: Settings): Promise<readonly Finding[]> {
  const store = await openStore(storeLocation(settings), { inFlight: () => 0 });
  try {
    const rings = keyringsOf(settings);
    const keys = await compareKeys(store, rings);
    const others = keys.filter(({ state }) => state !== "match");
    if (others.length === 0)
      return [ok(keys.length === 0 ? "the database has no keys yet" : "the configured keys are those of the database")];
    return others.map((key) => {
      if (key.state === "foreign") return warning(foreignKeySentence(key));
      const name = `${variableOf[key.use]} id ${key.keyId}`;
      return key.state === "wrong"
        ? problem(`${name} is not the key that the database was made with: restore it`)
        : problem(`${name} is not configured, and the database needs it: restore it, or see \`latchkey keys retire --help\``);
    });
  } finally {
    await store.close();
  }
}
