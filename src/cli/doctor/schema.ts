import { fits, type SchemaState } from "../../store/rules/schema-version.js";
import { type Finding, ok, problem, warning } from "./finding.js";

/** Reports whether this program, which knows schemas up to `known`, can work with a database's schema. */
export function checkSchema(schema: SchemaState, known: number): Finding {
  const at = `the schema is at version ${schema.version}`;
  if (schema.version === known) return ok(at);
  if (fits(schema, known)) return ok(`${at}; this program (version ${known}) can work with it`);
  const needed = `this program needs ${known}`;
  return schema.version < known
    ? warning(`${at}, ${needed}: the next start or \`latchkey migrate\` updates it`)
    : problem(`${at}, ${needed}: run the newer program`);
}
