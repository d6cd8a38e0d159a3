import { nameOf } from "../../store/open.js";
import { clocksDiffer } from "../../store/postgres/clocks.js";
import { inspect } from "../../store/postgres/inspect.js";
import type { PostgresLocation } from "../../store/postgres/location.js";
import { schemaVersion } from "../../store/postgres/migrate.js";
import { fits } from "../../store/rules/schema-version.js";
import { type Finding, ok, problem, warning } from "./finding.js";
import { checkSchema } from "./schema.js";
import { checkStandbys } from "./standbys.js";

/** Checks a PostgreSQL database without changing it: its server's settings, and its schema. */
export async function checkPostgres(
  location: PostgresLocation,
): Promise<{ readonly findings: readonly Finding[]; readonly isReadable: boolean }> {
  const found = await inspect(location);
  const findings = [ok(`PostgreSQL ${found.serverVersion} answers, with ${nameOf(location)}`)];
  if (found.readOnly) findings.push(problem("the database is read-only: turn its default_transaction_read_only off"));
  if (!found.clocksAgree) findings.push(problem(clocksDiffer));
  if (found.encoding !== "UTF8") {
    findings.push(problem(`the database's encoding is ${found.encoding}: create one with ENCODING 'UTF8'`));
  }
  if (!found.durable) {
    findings.push(warning("the server has fsync off: after a loss of power used codes may be valid again"));
  }
  if (found.flushedWithinMs > 1_000) {
    findings.push(
      warning(
        `after a loss of power the last ${found.flushedWithinMs / 1_000} s of sends and guesses may be lost: set wal_writer_delay to 333ms or less`,
      ),
    );
  }
  findings.push(...(await checkStandbys(location)));
  // A pooler has a number of connections of its own.
  if (location.pooler === "none" && location.poolMax > found.connectionsMax / 2) {
    findings.push(
      warning(
        `a pool of ${location.poolMax} is more than half of the server's ${found.connectionsMax} connections: lower LATCHKEY_DATABASE_POOL`,
      ),
    );
  }
  findings.push(checkSchema(found.schema, schemaVersion));
  if (!fits(found.schema, schemaVersion)) return { findings, isReadable: false };
  if (!found.hasFunctions) {
    findings.push(warning("the database lacks this program's functions: the next start or `latchkey migrate` creates them"));
  }
  return { findings, isReadable: found.hasFunctions };
}
