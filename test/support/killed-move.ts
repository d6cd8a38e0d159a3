import { type MoveStep, moveStore } from "../../src/store/move/move.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";

/** Moves the SQLite database of the first argument to the PostgreSQL database of the second, and is killed at the step of the third. */
const [path, target, wanted] = process.argv.slice(2) as [string, string, string];
const nameOf = (step: MoveStep): string => (step.kind === "copied" ? `copied ${step.table}` : step.kind);
await moveStore({ path }, JSON.parse(target) as PostgresLocation, (step) => {
  if (nameOf(step) === wanted) process.kill(process.pid, "SIGKILL");
});
