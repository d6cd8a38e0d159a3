import type { Store } from "../port/store.js";
import { withClient } from "./connection.js";
import type { PostgresLocation } from "./location.js";

/**
 * On a connection of its own, without the time limits of operations: there may be millions of rows. Whole tables are emptied by
 * TRUNCATE, which drops their files, sealed codes and all, and waits for whoever works on them.
 */
export function endOutstanding(
  location: PostgresLocation,
  { keepSessions }: Parameters<Store["upkeep"]["endOutstanding"]>[0],
): Promise<number> {
  return withClient(location, async (client) => {
    await client.query("BEGIN");
    await client.query("TRUNCATE outbox, challenges, registrations, idempotency");
    const { rowCount } = await client.query(
      keepSessions ? "UPDATE sessions SET rotation_mac = NULL WHERE rotation_mac IS NOT NULL" : "DELETE FROM sessions",
    );
    await client.query("COMMIT");
    return keepSessions ? 0 : (rowCount ?? 0);
  });
}
