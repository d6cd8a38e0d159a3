/** Rows of changes that wait for apps, as both engines store them. */
import type { MessageStatus } from "../../model/message.js";
import type { EpochMs } from "../../model/time.js";
import type { Forward } from "../port/forwards.js";
import { type MessageRow, toStoredMessage } from "./message-rows.js";

/** A change with its message. The columns of the message are null if it was deleted. */
export interface ForwardRow extends Omit<MessageRow, "message_id"> {
  forward_id: number;
  forward_tries: number;
  forward_app_id: string;
  forward_status: MessageStatus;
  forward_cause: string;
  changed_at: EpochMs;
  message_id: number | null;
}

/** Lists the columns of a change beside those of its message. `of` is a table or alias. */
export function forwardColumns(of: string): string {
  return (
    `${of}.forward_id, ${of}.tries AS forward_tries, ${of}.app_id AS forward_app_id, ${of}.status AS forward_status, ` +
    `${of}.cause AS forward_cause, ${of}.changed_at`
  );
}

export function toForward(row: ForwardRow): Forward {
  const { message_id } = row;
  return {
    forwardId: row.forward_id,
    tries: row.forward_tries,
    appId: row.forward_app_id,
    status: row.forward_status,
    cause: row.forward_cause,
    changedAt: row.changed_at,
    message: message_id === null ? null : toStoredMessage({ ...row, message_id }),
  };
}
