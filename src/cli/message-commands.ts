import { type Command, InvalidArgumentError, Option } from "commander";
import type { Env } from "../config/settings.js";
import { channels } from "../model/channel.js";
import { messageStatuses } from "../model/message.js";
import type { Json } from "./apps/app.js";
import type { Io } from "./io.js";
import { loadSettings } from "./load-settings.js";
import type { ListOptions } from "./messages/message.js";
import type { SendTestOptions } from "./messages/send-test.js";
import type { KeyKind } from "./users/named-user.js";

const json = ["--json", "print JSON"] as const;
const keyKinds: readonly KeyKind[] = ["email", "phone", "username", "number", "user_id", "external_id"];

/** `latchkey message …`. Loads the modules of a command when it runs. */
export function addMessageCommands(message: Command, env: Env, io: Io): void {
  const load = async () => ({ commands: await import("./messages/message.js"), settings: await loadSettings(env, io) });

  ofApp(message.command("list").description("list the newest messages of an app, newest first"))
    .option("--user <user>", "only those of a user, by any name of the user")
    .addOption(new Option("--by <kind>", "what --user is, if its form does not show it").choices(keyKinds))
    .option("--contact <contact>", "only those to an e-mail address or phone number")
    .addOption(new Option("--status <status>", "only those that got exactly this far").choices(messageStatuses))
    .addOption(
      new Option("--failed", "only those that did not arrive, with the cause: failed, undelivered and expired").conflicts(
        "status",
      ),
    )
    .option("--provider <name>", "only those of the carrier of this name")
    .option("--since <duration>", "only those of the last time, such as 2h or 7d")
    .option("--limit <count>", "how many at most, 1 to 100", listSize, 20)
    .action(async (options: ListOptions) => {
      const { commands, settings } = await load();
      await commands.list(settings, options, io);
    });

  ofMessage(message.command("show").description("print a message with its tries")).action(
    async (messageId: number, options: Json & { readonly app: string }) => {
      const { commands, settings } = await load();
      await commands.show(settings, { messageId, ...options }, io);
    },
  );

  ofMessage(message.command("retry").description("send the code of a message again, by the rules of any resend")).action(
    async (messageId: number, options: Json & { readonly app: string }) => {
      const { commands, settings } = await load();
      await commands.retry(settings, { messageId, ...options }, io);
    },
  );
}

/** `latchkey send-test`. Calls `setExitCode` with 1 if no carrier took the message. */
export function addSendTestCommand(command: Command, env: Env, io: Io, setExitCode: (code: number) => void): void {
  ofApp(command.description("send a real message, and say what became of it; the service must run"))
    .requiredOption("--to <contact>", "an e-mail address or phone number")
    .addOption(new Option("--channel <channel>", "how it is sent; by default as the app's policy says").choices(channels))
    .option("--wait <duration>", "how long to wait for the carrier and its report, at most 10m", "30s")
    .action(async (options: SendTestOptions) => {
      const { sendTestMessage } = await import("./messages/send-test.js");
      if (!(await sendTestMessage(await loadSettings(env, io), options, io))) setExitCode(1);
    });
}

function ofApp(command: Command): Command {
  return command.option("--app <id>", "the app", "default").option(...json);
}

function ofMessage(command: Command): Command {
  return ofApp(command).argument("<message>", "the id of the message, as `message list` prints it", messageId);
}

function messageId(text: string): number {
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw new InvalidArgumentError("Give the id that `latchkey message list` prints.");
  return Number(text);
}

function listSize(text: string): number {
  const size = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
  if (size < 1 || size > 100) throw new InvalidArgumentError("Give a number from 1 to 100.");
  return size;
}
