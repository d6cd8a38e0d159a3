import type { Store } from "../port/store.js";
import { endQueued } from "../shared/message-rows.js";
import { withClient } from "./connection.js";
import type { PostgresLocation } from "./location.js";

/**
 * Uses its own connection without the time limits of operations, because there may be millions of rows. Whole tables are
 * emptied by TRUNCATE, which drops their files with the sealed codes and waits for transactions that use them.
 */
export function endOutstanding(
  location: PostgresLocation,
  { keepSessions }: Parameters<Store["upkeep"]["endOutstanding"]>[0],
): Promise<number> {
  return withClient(location, async (client) => {
    await client.query("BEGIN");
    await client.query("TRUNCATE outbox, outbox_later, challenges, registrations, idempotency, contact_changes");
    await client.query(endQueued);
    const { rowCount } = await client.query(
      keepSessions ? "UPDATE sessions SET rotation_mac = NULL WHERE rotation_mac IS NOT NULL" : "DELETE FROM sessions",
    );
    await client.query("COMMIT");
    return keepSessions ? 0 : (rowCount ?? 0);
  });
}
