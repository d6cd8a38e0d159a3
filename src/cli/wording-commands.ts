import { type Command, Option } from "commander";
import type { Env } from "../config/settings.js";
import { channels } from "../model/channel.js";
import { wordings } from "../model/wording.js";
import type { OnText, PreviewOptions, PutTextOptions } from "./apps/text.js";
import type { OfApp, WordingOptions } from "./apps/wording.js";
import type { Io } from "./io.js";
import { loadSettings } from "./load-settings.js";

/** `latchkey wording …`. The module of the commands is loaded when one of them runs. */
export function addWordingCommands(wording: Command, env: Env, io: Io): void {
  const load = async () => ({ commands: await import("./apps/wording.js"), settings: await loadSettings(env, io) });

  ofApp(wording.command("show").description("print how the messages of an app look and what they may say")).action(
    async (options: OfApp) => {
      const { commands, settings } = await load();
      await commands.show(settings, options, io);
    },
  );

  ofApp(wording.command("set").description("change how the messages of an app look and what they may say"))
    .option("--sender-name <text>", "the name that mails come from; empty: that of the app")
    .option("--accent-color <colour>", "a colour of the mails, such as #1a73e8; empty: none")
    .option("--link-hosts <list>", "the hosts that texts may link to, separated by commas")
    .option("--sender-ids <list>", "the senders that senderId of SendOtp may name, separated by commas")
    .option("--web-host <host>", "the host of the page that may read codes from SMS; empty: none")
    .option("--android-hash <text>", "the 11 characters of Google's SMS Retriever API; empty: none")
    .action(async (options: WordingOptions) => {
      const { commands, settings } = await load();
      await commands.set(settings, options, io);
    });
}

/** `latchkey text …`. */
export function addTextCommands(text: Command, env: Env, io: Io): void {
  const load = async () => ({ commands: await import("./apps/text.js"), settings: await loadSettings(env, io) });

  ofApp(text.command("list").description("list the texts of an app")).action(async (options: OfApp) => {
    const { commands, settings } = await load();
    await commands.list(settings, options, io);
  });

  ofMessage(text.command("put").description("set or replace a text of an app, with {otp}, {app} and {minutes}"), "all wordings")
    .option("--subject <text>", "the subject of a mail; empty: Latchkey's", "")
    .addOption(new Option("--text <text>", "the text").conflicts("file"))
    .option("--file <file>", "a file with the text; - is standard input")
    .action(async (options: PutTextOptions) => {
      const { commands, settings } = await load();
      await commands.put(settings, options, io);
    });

  ofMessage(text.command("delete").description("remove a text of an app"), "the text for all wordings").action(
    async (options: OnText) => {
      const { commands, settings } = await load();
      await commands.remove(settings, options, io);
    },
  );

  ofMessage(text.command("preview").description("print a message of an app with a sample code, and count its SMS"), "login")
    .option("--custom-message <text>", "the customMessage that SendOtp would give instead")
    .option("--subject <text>", "the subject that SendOtp would give")
    .option("--html", "print the HTML of a mail")
    .action(async (options: PreviewOptions) => {
      const { commands, settings } = await load();
      await commands.preview(settings, options, io);
    });
}

function ofApp(command: Command): Command {
  return command.option("--app <id>", "the app", "default").option("--json", "print JSON");
}

function ofMessage(command: Command, byDefault: string): Command {
  return ofApp(command)
    .addOption(new Option("--channel <channel>", "the channel").choices(channels).makeOptionMandatory())
    .addOption(new Option("--wording <wording>", `what the code is for; by default ${byDefault}`).choices(wordings))
    .option("--locale <tag>", "the language, such as de or pt-BR; empty: all languages", "");
}
