import type { Database } from "better-sqlite3";
import type { Store } from "../port/store.js";
import { endQueued } from "../shared/message-rows.js";
import type { Writer } from "./writer.js";

export function createEndOutstanding(db: Database, writer: Writer): Pick<Store["upkeep"], "endOutstanding"> {
  const always = ["outbox", "outbox_later", "challenges", "registrations", "idempotency", "contact_changes"].map((table) =>
    db.prepare(`DELETE FROM ${table}`),
  );
  const endMessages = db.prepare(endQueued);
  const removeSessions = db.prepare("DELETE FROM sessions");
  const forgetRotations = db.prepare("UPDATE sessions SET rotation_mac = NULL WHERE rotation_mac IS NOT NULL");
  return {
    endOutstanding: ({ keepSessions }) =>
      writer.write(() => {
        for (const statement of [...always, endMessages]) statement.run();
        if (!keepSessions) return removeSessions.run().changes;
        forgetRotations.run();
        return 0;
      }),
  };
}
