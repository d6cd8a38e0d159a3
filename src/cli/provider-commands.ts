import { type Command, InvalidArgumentError, Option } from "commander";
import type { Env } from "../config/settings.js";
import { appCarriersMax } from "../model/carrier.js";
import { channels } from "../model/channel.js";
import type { Io } from "./io.js";
import { loadSettings } from "./load-settings.js";
import type { OnProvider, PutOptions } from "./messages/provider.js";

/** `latchkey provider …`. Loads the module of the commands when one of them runs. `test` calls `setExitCode` with 1 for a problem. */
export function addProviderCommands(provider: Command, env: Env, io: Io, setExitCode: (code: number) => void): void {
  const load = async () => ({ commands: await import("./messages/provider.js"), settings: await loadSettings(env, io) });

  ofApp(provider.command("list").description("list the carriers of an app, in order of preference")).action(
    async (options: Omit<OnProvider, "name">) => {
      const { commands, settings } = await load();
      await commands.list(settings, options, io);
    },
  );

  named(provider.command("put").description("set or replace a carrier, which the app uses instead of the deployment's"))
    .addOption(new Option("--channel <channel>", "the channel that it serves").choices(channels).makeOptionMandatory())
    .option("--url-file <file>", "a file with its URL; - is standard input")
    .option("--gateway-file <file>", "the JSON description of an HTTP gateway instead of a URL; - is standard input")
    .option(
      "--position <number>",
      "its place among the app's carriers of the channel; by default the present or last one",
      place,
      0,
    )
    .action(async (name: string, options: Omit<PutOptions, "name">) => {
      const { commands, settings } = await load();
      await commands.put(settings, { name, ...options }, io);
    });

  named(provider.command("delete").description("remove a carrier with its credentials")).action(
    async (name: string, options: Omit<OnProvider, "name">) => {
      const { commands, settings } = await load();
      await commands.remove(settings, { name, ...options }, io);
    },
  );

  named(provider.command("test").description("connect to a carrier and log in, without sending")).action(
    async (name: string, options: Omit<OnProvider, "name">) => {
      const { commands, settings } = await load();
      if (!(await commands.test(settings, { name, ...options }, io))) setExitCode(1);
    },
  );
}

function ofApp(command: Command): Command {
  return command.option("--app <id>", "the app", "default").option("--json", "print JSON");
}

function named(command: Command): Command {
  return ofApp(command).argument("<name>", "its name in the app: 1 to 32 lower-case letters, digits and hyphens", carrierName);
}

function carrierName(text: string): string {
  if (/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError("Give 1 to 32 lower-case letters, digits and hyphens.");
}

function place(text: string): number {
  const position = /^[0-9]{1,2}$/.test(text) ? Number(text) : 0;
  if (position >= 1 && position <= appCarriersMax) return position;
  throw new InvalidArgumentError(`Give a number from 1 to ${appCarriersMax}.`);
}
