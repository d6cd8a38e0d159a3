import type { Command } from "commander";
import type { Env } from "../config/settings.js";
import type { OfPattern, PutOptions } from "./apps/test-identifier.js";
import type { Io } from "./io.js";
import { loadSettings } from "./load-settings.js";

/** `latchkey test-identifier …`. Loads the module of the commands when one of them runs. */
export function addTestIdentifierCommands(tests: Command, env: Env, io: Io): void {
  const load = async () => ({ commands: await import("./apps/test-identifier.js"), settings: await loadSettings(env, io) });
  const pattern = "an e-mail address, a phone number, or a range of them such as +1202555012* or qa-*@example.com";

  ofApp(tests.command("put").description("set a test identifier, or replace the one with the same pattern"))
    .argument("<pattern>", pattern)
    .requiredOption("--code <digits>", "the code that always works: 6 to 10 digits; it is no secret")
    .option("--for <duration>", "when it ends, from now: at most 90d", "30d")
    .action(async (text: string, options: Omit<PutOptions, "pattern">) => {
      const { commands, settings } = await load();
      await commands.put(settings, { pattern: text, ...options }, io);
    });

  ofApp(tests.command("list").description("list the test identifiers of an app, ended ones included")).action(
    async (options: Omit<OfPattern, "pattern">) => {
      const { commands, settings } = await load();
      await commands.list(settings, options, io);
    },
  );

  ofApp(tests.command("delete").description("remove a test identifier; its test accounts stay"))
    .argument("<pattern>", "its pattern, as `test-identifier list` prints it")
    .action(async (text: string, options: Omit<OfPattern, "pattern">) => {
      const { commands, settings } = await load();
      await commands.remove(settings, { pattern: text, ...options }, io);
    });
}

function ofApp(command: Command): Command {
  return command.option("--app <id>", "the app", "default").option("--json", "print JSON");
}
