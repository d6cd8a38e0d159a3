import { fileURLToPath } from "node:url";
import { latchkeyBin } from "../support/server.js";
import { type Invariant, invariantNames } from "./check.js";
import type { Engine } from "./databases.js";
import { brokenByRace, isRace, plantRace, type Race, raceNames } from "./races.js";

/** What can be planted: the fault of an invariant, which has its name, or a race. */
export type Break = Invariant | Race;

export const breakNames: readonly Break[] = [...invariantNames, ...raceNames];

export function breaksOf(engine: Engine): readonly Break[] {
  return engine === "postgres" ? breakNames : invariantNames;
}

/** The invariant that a fault breaks. */
export function brokenBy(name: Break): Invariant {
  return isRace(name) ? brokenByRace(name) : name;
}

/** The arguments of Node for a server under test: one with the fault in its store, or the right one. */
export function serverOf(name: Break | null): readonly string[] {
  if (name === null || isRace(name)) return [latchkeyBin, "serve"];
  // The loader's address, because the server runs in a folder without packages.
  return ["--import", import.meta.resolve("tsx"), fileURLToPath(new URL("faulty-server.ts", import.meta.url)), name];
}

/** Plants the part of a fault that is in the database, once a server has made its tables and functions. */
export async function plantInDatabase(databaseUrl: string, name: Break | null): Promise<void> {
  if (name !== null && isRace(name)) await plantRace(databaseUrl, name);
}
