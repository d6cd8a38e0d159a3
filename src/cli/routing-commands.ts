import { type Command, Option } from "commander";
import type { Env } from "../config/settings.js";
import { channels } from "../model/channel.js";
import type { Json } from "./apps/app.js";
import type { Io } from "./io.js";
import { loadSettings } from "./load-settings.js";
import type { ExplainOptions, SetOptions, WorkflowOptions } from "./routing/routing.js";

/** `latchkey routing …`. Loads the module of the commands when one of them runs. */
export function addRoutingCommands(routing: Command, env: Env, io: Io): void {
  const load = async () => ({ commands: await import("./routing/routing.js"), settings: await loadSettings(env, io) });

  ofApp(
    routing
      .command("show")
      .description("print the routes and workflows of an app, and the carriers whose codes are not entered"),
  ).action(async (options: Json & { readonly app: string }) => {
    const { commands, settings } = await load();
    await commands.show(settings, options, io);
  });

  ofApp(routing.command("set").description("replace the routes of one channel"))
    .addOption(new Option("--channel <channel>", "the channel").choices(channels).makeOptionMandatory())
    .requiredOption("--file <file>", "a JSON list of routes, see docs/routing.md; - is standard input")
    .action(async (options: SetOptions) => {
      const { commands, settings } = await load();
      await commands.set(settings, options, io);
    });

  ofApp(routing.command("workflow").description("say over which channels a code goes again if it does not come back"))
    .addOption(new Option("--channel <channel>", "the channel of the first message").choices(channels).makeOptionMandatory())
    .requiredOption("--then <steps>", 'channels with waits, such as whatsapp:30s,voice:1m; "" for none')
    .action(async (options: WorkflowOptions) => {
      const { commands, settings } = await load();
      await commands.workflow(settings, options, io);
    });

  ofApp(routing.command("explain").description("say which carriers and which sender a message would use, and why"))
    .argument("<to>", "a phone number such as +46701234567, or an e-mail address")
    .addOption(new Option("--channel <channel>", "the channel; by default as the app's policy says").choices(channels))
    .action(async (to: string, options: Omit<ExplainOptions, "to">) => {
      const { commands, settings } = await load();
      await commands.explain(settings, { to, ...options }, io);
    });
}

function ofApp(command: Command): Command {
  return command.option("--app <id>", "the app", "default").option("--json", "print JSON");
}
