import { withClient } from "../../store/postgres/connection.js";
import type { PostgresHost, PostgresLocation } from "../../store/postgres/location.js";
import { explain } from "../explain.js";
import { type Finding, ok, warning } from "./finding.js";

/** Checks whether a standby of LATCHKEY_DATABASE_READ_HOSTS answers. The list may name the primary too. */
export async function checkStandbys(location: PostgresLocation): Promise<readonly Finding[]> {
  if (location.readHosts.length === 0) return [];
  const answers = await Promise.all(location.readHosts.map((host) => tryStandby(location, host)));
  const failures = answers.filter((failure) => failure !== null);
  const count = answers.length - failures.length;
  if (count > 0)
    return [ok(`${count === 1 ? "1 standby answers" : `${count} standbys answer`} reads that may be a moment old`)];
  return [
    warning(`no standby of LATCHKEY_DATABASE_READ_HOSTS answers, so the primary serves all reads: ${failures.join("; ")}`),
  ];
}

/** Returns why the host is no standby that answers, or null if it is one. */
async function tryStandby(location: PostgresLocation, host: PostgresHost): Promise<string | null> {
  try {
    await withClient({ ...location, hosts: [host], role: "standby" }, (client) => client.query("SELECT 1"));
    return null;
  } catch (error) {
    return explain(error);
  }
}
