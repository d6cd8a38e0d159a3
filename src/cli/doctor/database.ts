import type { Settings } from "../../config/settings.js";
import { compareKeys, foreignKeySentence, variableOf } from "../../crypto/key-checks.js";
import { keyringsOf, storeLocation } from "../../server/core.js";
import { openStore } from "../../store/open.js";
import type { Store } from "../../store/port/store.js";
import { checkAppCarriers } from "./app-carriers.js";
import { type Finding, ok, problem, warning } from "./finding.js";
import { checkFleet } from "./fleet.js";
import { checkHooks } from "./hooks.js";

/**
 * Checks the database without changing it, whether the configured keys are those that its data was written with, and what apps have
 * set: the addresses of their hooks, and their carriers.
 */
export async function checkDatabase(settings: Settings): Promise<readonly Finding[]> {
  const location = storeLocation(settings);
  const { findings, isReadable } =
    location.kind === "sqlite"
      ? (await import("./sqlite.js")).checkSqlite(location.path)
      : await (await import("./postgres.js")).checkPostgres(location);
  if (!isReadable) return findings;
  const store = await openStore(location, { inFlight: () => 0 });
  try {
    const ofKeys = await checkKeyValues(store, settings);
    const ofFleet = await checkFleet(store, keyringsOf(settings));
    const ofHooks = await checkHooks(store, settings);
    return [...findings, ...ofKeys, ...ofFleet, ...ofHooks, ...(await checkAppCarriers(store, settings))];
  } finally {
    await store.close();
  }
}

async function checkKeyValues(store: Store, settings: Settings): Promise<readonly Finding[]> {
  const keys = await compareKeys(store, keyringsOf(settings));
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
}
