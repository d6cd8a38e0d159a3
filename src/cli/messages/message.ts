import type { Settings } from "../../config/settings.js";
import { getMessage } from "../../messages/get-message.js";
import { listMessages } from "../../messages/list-messages.js";
import { retryMessage } from "../../messages/retry-message.js";
import type { MessageStatus, StoredMessage } from "../../model/message.js";
import { durationText } from "../../model/policy-rules.js";
import type { Json } from "../apps/app.js";
import { print, timeText } from "../apps/output.js";
import { parseDurationOption } from "../apps/parse.js";
import { CliError, type Io } from "../io.js";
import { type KeyKind, theNamed } from "../users/named-user.js";
import { type InApp, withAccounts } from "../users/with-accounts.js";
import { contactIn } from "./contact.js";
import { messageFields, messageLine, messageLines } from "./output.js";

export interface ListOptions extends Json {
  readonly app: string;
  /** Any name of a user. */
  readonly user?: string;
  readonly by?: KeyKind;
  readonly contact?: string;
  readonly status?: MessageStatus;
  /** Only those whose code did not arrive, in any way. */
  readonly failed?: boolean;
  readonly provider?: string;
  readonly since?: string;
  readonly limit: number;
}

/** How a command names the message it acts on. */
export interface OnMessage extends Json {
  readonly app: string;
  readonly messageId: number;
}

/** The statuses of a message whose code did not arrive. */
const deadStatuses: readonly MessageStatus[] = ["failed", "undelivered", "expired"];

/** Prints the newest messages of an app, newest first. */
export async function list(settings: Settings, options: ListOptions, io: Io): Promise<void> {
  const { app: appId, status, failed = false, provider, since, limit } = options;
  const sinceMs = since === undefined ? undefined : parseDurationOption("--since", since);
  await withAccounts(settings, { appId, io }, async (given) => {
    const { deps, actor } = given;
    const recipient = await recipientIn(given, options);
    const from = sinceMs === undefined ? undefined : deps.clock() - sinceMs;
    /** The newest of a status, over pages that may be empty. */
    const newest = async (one: MessageStatus | undefined): Promise<readonly StoredMessage[]> => {
      const filter = { status: one, provider, from };
      const items: StoredMessage[] = [];
      let pageToken = "";
      do {
        const page = await listMessages(deps, actor, { appId, recipient, filter, pageSize: limit - items.length, pageToken });
        items.push(...page.items);
        pageToken = page.nextPageToken;
      } while (items.length < limit && pageToken !== "");
      return items;
    };
    const found = (await Promise.all((failed ? deadStatuses : [status]).map(newest))).flat();
    const items = found.sort((a, b) => b.messageId - a.messageId).slice(0, limit);
    const none = [
      `The app ${appId} has no such message. Messages are kept for ${durationText(settings.messageRetentionMs)} (LATCHKEY_MESSAGE_RETENTION).`,
    ];
    print(io, options, items.map(messageFields), items.length === 0 ? none : items.map(messageLine));
  });
}

/** Prints a message with its tries. */
export async function show(settings: Settings, options: OnMessage, io: Io): Promise<void> {
  const { app: appId, messageId } = options;
  await withAccounts(settings, { appId, io }, async ({ deps, actor }) => {
    const message = await getMessage(deps, actor, { appId, messageId });
    print(io, options, messageFields(message), messageLines(message));
  });
}

/** Queues the code of a message again. The running service sends it. */
export async function retry(settings: Settings, options: OnMessage, io: Io): Promise<void> {
  const { app: appId, messageId } = options;
  await withAccounts(settings, { appId, io }, async ({ deps, actor }) => {
    const { challengeId, sendsMax, sends, expiresAt } = await retryMessage(deps, actor, {
      appId,
      messageId,
      idempotency: null,
    });
    const fields = { challenge_id: challengeId, sends_left: sendsMax - sends, expires_at: timeText(expiresAt) };
    print(io, options, fields, [
      `The code of the message ${messageId} goes out again, as a new message. The running service sends it.`,
      `It is valid until ${timeText(expiresAt)}. \`latchkey message list --app ${appId}\` shows the new message.`,
    ]);
  });
}

async function recipientIn(given: InApp, { user, by, contact }: ListOptions) {
  if (user !== undefined && contact !== undefined) {
    throw new CliError("--user and --contact exclude each other: --user finds the messages to all contacts of the user.");
  }
  if (contact !== undefined) return contactIn("--contact", contact);
  if (user === undefined) return null;
  const member = await theNamed(given, { user, by });
  return { kind: "user_id", value: member.user.userId } as const;
}
