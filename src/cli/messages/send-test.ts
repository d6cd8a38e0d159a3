import { setTimeout as sleep } from "node:timers/promises";
import { AuthError } from "../../auth/errors.js";
import type { Settings } from "../../config/settings.js";
import { type SentTest, sendTest } from "../../messages/send-test.js";
import type { Channel } from "../../model/channel.js";
import { contactKindOf } from "../../model/channel.js";
import type { MessageStatus, StoredMessage } from "../../model/message.js";
import type { Json } from "../apps/app.js";
import { print, timeText } from "../apps/output.js";
import { parseDurationOption } from "../apps/parse.js";
import { CliError, type Io } from "../io.js";
import { withAccounts } from "../users/with-accounts.js";
import { contactIn } from "./contact.js";
import { messageFields } from "./output.js";
import { type ReportsOf, reportsOf } from "./reporting-carriers.js";

export interface SendTestOptions extends Json {
  readonly to: string;
  readonly app: string;
  readonly channel?: Channel;
  readonly wait: string;
}

const pollMs = 250;
const waitMaxMs = 10 * 60_000;

/**
 * Queues a real message to a contact, waits until it is known whether it arrived, and prints what happened and what to do. The
 * running service sends it. Returns whether a carrier took it and none reports a failure.
 */
export async function sendTestMessage(settings: Settings, options: SendTestOptions, io: Io): Promise<boolean> {
  const { app: appId, channel } = options;
  const waitMs = parseDurationOption("--wait", options.wait);
  if (waitMs > waitMaxMs) throw new CliError("--wait must be at most 10m.");
  const to = contactIn("--to", options.to);
  if (channel !== undefined && contactKindOf[channel] !== to.kind) {
    throw new CliError(`--channel ${channel} does not reach --to: it needs ${kindWords[contactKindOf[channel]]}.`);
  }
  return await withAccounts(settings, { appId, io }, async ({ deps, core, actor, app }) => {
    const ofCarrier = await reportsOf(settings, app, core.carrierSecrets);
    const sent = await refuseKindly(appId, () => sendTest(deps, actor, { appId, to, channel }));
    const message = await follow(sent, waitMs, (found) => isEnded(ofCarrier, found));
    const { challengeId } = sent.challenge;
    const fields = { challenge_id: challengeId, message: message === null ? null : messageFields(message) };
    print(io, options, fields, message === null ? [lost] : outcomeLines(message, { appId, ofCarrier, waited: options.wait }));
    return message !== null && (message.status === "sent" || message.status === "delivered");
  });
}

const kindWords = { email: "an e-mail address", phone: "a phone number" } as const;
const lost = "The message is not in the database any more: the database was restored, or its contact was erased.";

/** Looks at the message until it has ended, or for `waitMs`. Returns what it saw last. */
async function follow(
  { findMessage }: SentTest,
  waitMs: number,
  hasEnded: (message: StoredMessage) => boolean,
): Promise<StoredMessage | null> {
  const until = performance.now() + waitMs;
  for (;;) {
    const message = await findMessage();
    if (message === null || hasEnded(message) || performance.now() >= until) return message;
    await sleep(pollMs);
  }
}

/** Whether waiting longer can show something new. */
function isEnded(ofCarrier: ReportsOf, { status, provider }: StoredMessage): boolean {
  if (status === "queued") return false;
  if (status !== "sent") return true;
  return ofCarrier(provider) !== true;
}

interface Place {
  readonly appId: string;
  readonly ofCarrier: ReportsOf;
  readonly waited: string;
}

function outcomeLines(message: StoredMessage, place: Place): readonly string[] {
  const { messageId, channel, maskedDestination, queuedAt } = message;
  return [
    `The message ${messageId} to ${maskedDestination} by ${channel} was queued at ${timeText(queuedAt)}.`,
    outcomes[message.status](message, place),
    `\`latchkey message show ${messageId} --app ${place.appId}\` shows its tries.`,
  ];
}

const outcomes: Readonly<Record<MessageStatus, (message: StoredMessage, place: Place) => string>> = {
  queued: ({ tries, cause }, { waited }) =>
    tries.length === 0
      ? `No carrier was asked within ${waited}: check that the service runs on this database. It also waits while its carrier is down: its log and \`latchkey doctor\` say why.`
      : `No carrier took it within ${waited}, and the service still tries. The last try says: ${sentence(cause)} \`latchkey doctor\` checks the carriers.`,
  sent: (message, { ofCarrier, waited }) => {
    const took = `The carrier ${message.provider ?? ""} took it.`;
    if (ofCarrier(message.provider) === undefined) return `${took} Look where development shows messages.`;
    return isEnded(ofCarrier, message)
      ? `${took} It sends no reports. Look into the mailbox or the phone; a mail may be in the spam folder.`
      : `${took} It reported nothing more within ${waited}. Look at the phone, and check that the carrier can reach LATCHKEY_ISSUER.`;
  },
  delivered: ({ provider }) => `The carrier ${provider ?? ""} reports that it arrived.`,
  undelivered: ({ provider, cause }) =>
    `The carrier ${provider ?? ""} reports that it did not arrive: ${sentence(cause)} Check the destination, or try another channel.`,
  failed: ({ cause }) => `It was given up: ${sentence(cause)} Correct this, then run the command again.`,
  test: () => "It is for a test identifier of the app, so nothing was sent. Choose another contact.",
  expired: ({ cause }) => `Its code expired before it arrived: ${sentence(cause)} \`latchkey doctor\` checks the carriers.`,
};

function sentence(cause: string): string {
  if (cause === "") return "no cause is known.";
  return /[.?!…]$/.test(cause) ? cause : `${cause}.`;
}

/** Throws `CliError` for refusals that have another cause here than in commands about users. */
async function refuseKindly(appId: string, send: () => Promise<SentTest>): Promise<SentTest> {
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof AuthError) || error.reason !== "CHANNEL_UNAVAILABLE") throw error;
    throw new CliError(
      `The app ${appId} may not send by ${error.detail}: no carrier of the settings serves the channel, or the policy leaves it out. See \`latchkey config\` and \`latchkey app policy ${appId}\`.`,
    );
  }
}
