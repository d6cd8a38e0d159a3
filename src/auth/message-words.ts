import type { Caller } from "../model/caller.js";
import { type Channel, contactKindOf } from "../model/channel.js";
import { messageWordsViolations } from "../model/text-rules.js";
import type { FieldViolation } from "../model/violation.js";
import type { MessageWords } from "../model/wording.js";
import { requestInvalid } from "./errors.js";

/**
 * Refuses what the call says about its message if it breaks a rule or does not fit the channel. Throws REQUEST_INVALID with all that is
 * wrong. The scope was checked before.
 */
export function refuseMessageWords(caller: Caller, words: MessageWords | undefined, channel: Channel): void {
  if (words === undefined) return;
  const violations = [...messageWordsViolations(words, caller.app.wording), ...channelViolations(words, channel)];
  if (violations.length > 0) throw requestInvalid(violations);
}

function channelViolations({ subject, senderId }: MessageWords, channel: Channel): FieldViolation[] {
  const isMail = contactKindOf[channel] === "email";
  if (subject !== undefined && !isMail)
    return [{ field: "subject", description: "must be left out: only a mail has a subject" }];
  if (senderId === undefined || !isMail) return [];
  return [
    { field: "sender_id", description: "a mail comes from the carrier's address with the app's sender_name: leave it out" },
  ];
}
