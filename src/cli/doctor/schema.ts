import { fits, type SchemaState } from "../../store/rules/schema-version.js";
import { type Finding, ok, problem, warning } from "./finding.js";

/** Whether this program, which knows schemas up to `known`, can work with a database's schema. */
export function checkSchema(schema: SchemaState, known: number): Finding {
  const at = `the schema is at version ${schema.version}`;
  if (schema.version === known) return ok(at);
  if (fits(schema, known)) return ok(`${at}, with which this program (version ${known}) can work`);
  const needed = `this program needs ${known}`;
  return schema.version < known
    ? warning(`${at}, ${needed}: the next start or \`latchkey migrate\` brings it there`)
    : problem(`${at}, ${needed}: run the newer program`);
}
