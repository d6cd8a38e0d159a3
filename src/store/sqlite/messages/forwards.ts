import type { Database } from "better-sqlite3";
import type { MessageStatus } from "../../../model/message.js";
import type { EpochMs } from "../../../model/time.js";
import type { Store } from "../../port/store.js";
import { type ForwardRow, forwardColumns, toForward } from "../../shared/forward-rows.js";
import { type MessageRow, messageColumns } from "../../shared/message-rows.js";
import type { Writer } from "../writer.js";

/** Adds a new status of a message for the app of the message, inside the caller's transaction. Adds none of an erased message. */
export type AddForward = (
  message: Pick<MessageRow, "message_id" | "app_id" | "masked_destination">,
  change: { readonly status: MessageStatus; readonly cause: string; readonly at: EpochMs },
) => void;

export function createAddForward(db: Database): AddForward {
  const insert = db.prepare<{ message_id: number; app_id: string; status: MessageStatus; cause: string; at: EpochMs }>(`
    INSERT INTO message_forwards (message_id, status, app_id, cause, changed_at, due_at, tries)
    VALUES (@message_id, @status, @app_id, @cause, @at, @at, 0) ON CONFLICT DO NOTHING`);
  return ({ message_id, app_id, masked_destination }, change) => {
    if (masked_destination !== "") insert.run({ message_id, app_id, ...change });
  };
}

/** No caller claims more changes of one app at a time. */
const appMax = 64;

export function createForwards(db: Database, writer: Writer): Store["forwards"] {
  const due = db.prepare<{ appId: string; now: EpochMs }, { forward_id: number; due_at: EpochMs }>(`
    SELECT f.forward_id, f.due_at FROM message_forwards f
    WHERE f.app_id = @appId AND f.due_at <= @now
      AND f.forward_id = (SELECT min(e.forward_id) FROM message_forwards e WHERE e.message_id = f.message_id)
    ORDER BY f.due_at, f.forward_id LIMIT ${appMax}`);
  const lease = db.prepare<{ id: number; until: EpochMs }>(
    "UPDATE message_forwards SET due_at = @until, tries = tries + 1 WHERE forward_id = @id",
  );
  const find = db.prepare<{ id: number }, ForwardRow>(`
    SELECT ${forwardColumns("f")}, ${messageColumns("m")} FROM message_forwards f
    LEFT JOIN messages m ON m.message_id = f.message_id WHERE f.forward_id = @id`);
  const finish = db.prepare<[number, number]>("DELETE FROM message_forwards WHERE forward_id = ? AND tries = ?");
  const putOff = db.prepare<[EpochMs, number, number]>(
    "UPDATE message_forwards SET due_at = ? WHERE forward_id = ? AND tries = ?",
  );
  const sweep = db.prepare<{ before: EpochMs; limit: number }, { app_id: string }>(`
    DELETE FROM message_forwards WHERE forward_id IN
      (SELECT forward_id FROM message_forwards WHERE changed_at < @before ORDER BY changed_at LIMIT @limit) RETURNING app_id`);

  type Claim = Parameters<Store["forwards"]["claim"]>[0];
  const dueIds = ({ apps, now, limit }: Claim): number[] =>
    apps
      .flatMap(({ appId, max }) =>
        due
          .all({ appId, now })
          .slice(0, max)
          .map((row, index) => ({ ...row, place: index - max })),
      )
      .sort((a, b) => a.place - b.place || a.due_at - b.due_at || a.forward_id - b.forward_id)
      .slice(0, limit)
      .map(({ forward_id }) => forward_id);

  return {
    async claim(change) {
      // Most claims find nothing, and then nothing is written.
      if ((await writer.read(() => dueIds(change))).length === 0) return [];
      const until = change.now + change.leaseMs;
      return await writer.writeUnflushed(() =>
        dueIds(change).map((id) => {
          lease.run({ id, until });
          return toForward(find.get({ id })!);
        }),
      );
    },
    settle: (results) =>
      writer.writeUnflushed(() => {
        for (const { forwardId, tries, retryAt } of results) {
          if (retryAt === null) finish.run(forwardId, tries);
          else putOff.run(retryAt, forwardId, tries);
        }
      }),
    // Only when an app or its hook is deleted, so the statement is not kept.
    drop: ({ appId }) =>
      writer.writeUnflushed(() => void db.prepare("DELETE FROM message_forwards WHERE app_id = ?").run(appId)),
    sweep: (change) =>
      writer.writeUnflushed(() => {
        const counts = new Map<string, number>();
        for (const { app_id } of sweep.all(change)) counts.set(app_id, (counts.get(app_id) ?? 0) + 1);
        return [...counts].map(([appId, count]) => ({ appId, count }));
      }),
  };
}
