import { type Finding, ok, problem, warning } from "./finding.js";

/** Whether this program can work with a database's schema. */
export function checkSchema(version: number, known: number): Finding {
  if (version === known) return ok(`the schema is at version ${version}`);
  const needed = `this program needs ${known}`;
  return version < known
    ? warning(`the schema is at version ${version}, ${needed}: the next start or \`latchkey migrate\` brings it there`)
    : problem(`the schema is at version ${version}, ${needed}: run the newer program`);
}
