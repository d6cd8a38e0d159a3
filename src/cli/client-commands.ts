import { type Command, Option } from "commander";
import type { Env } from "../config/settings.js";
import type { Confirmed, Json } from "./apps/app.js";
import type { CreateOptions, RotateOptions, UpdateOptions } from "./apps/client.js";
import type { Io } from "./io.js";
import { loadSettings } from "./load-settings.js";

const json = ["--json", "print JSON"] as const;

/** `latchkey client …`. The modules of the commands are loaded when one of them runs. */
export function addClientCommands(client: Command, env: Env, io: Io): void {
  const load = async () => ({ commands: await import("./apps/client.js"), settings: await loadSettings(env, io) });

  withClientFields(
    client.command("create").description("create a client of an app; prints the secret of a confidential one once"),
  )
    .requiredOption("--app <id>", "the app that it calls for")
    .addOption(
      new Option("--kind <kind>", "public (cannot keep a secret) or confidential (a backend)")
        .choices(["public", "confidential"])
        .makeOptionMandatory(),
    )
    .option("--id <id>", "its id (default: a random one)")
    .option("--secret-expires-in <duration>", "how long its secret is valid, such as 90d (default: without end)")
    .option(...json)
    .action(async (options: CreateOptions) => {
      const { commands, settings } = await load();
      await commands.create(settings, options, io);
    });

  client
    .command("list")
    .description("list the clients of an app, or of all apps")
    .option("--app <id>", "only those of this app")
    .option(...json)
    .action(async (options: Json & { readonly app?: string }) => {
      const { commands, settings } = await load();
      await commands.list(settings, options, io);
    });

  client
    .command("show")
    .description("print a client, without its secrets")
    .argument("<client-id>")
    .option(...json)
    .action(async (clientId: string, options: Json) => {
      const { commands, settings } = await load();
      await commands.show(settings, { clientId, ...options }, io);
    });

  withClientFields(
    client.command("update").description("change a client; a list replaces the old one, and an empty list removes all entries"),
  )
    .argument("<client-id>")
    .option("--no-default", "it no longer stands for calls that name no client")
    .option("--no-verify-by-identifier", "it verifies codes by challenge alone")
    .addOption(
      new Option("--state <state>", "a disabled client is refused like an unknown one").choices(["active", "disabled"]),
    )
    .option(...json)
    .action(async (clientId: string, options: UpdateOptions) => {
      const { commands, settings } = await load();
      await commands.update(settings, { clientId, ...options }, io);
    });

  client
    .command("rotate-secret")
    .description("give a client a new secret, and print it once; a client can have two")
    .argument("<client-id>")
    .option("--old-secrets-expire-in <duration>", "when its other secrets end, such as 24h; 0s: at once (default: they stay)")
    .option("--secret-expires-in <duration>", "how long the new secret is valid, such as 90d (default: without end)")
    .option("--yes", "do not ask, with --old-secrets-expire-in 0s")
    .option(...json)
    .action(async (clientId: string, options: RotateOptions) => {
      const { commands, settings } = await load();
      await commands.rotateSecret(settings, { clientId, ...options }, io);
    });

  client
    .command("revoke-secret")
    .description("end one secret of a client at once; `latchkey client show` prints the ids of secrets")
    .argument("<client-id>")
    .argument("<secret-id>")
    .option("--yes", "do not ask")
    .option(...json)
    .action(async (clientId: string, secretId: string, options: Confirmed) => {
      const { commands, settings } = await load();
      await commands.revokeSecret(settings, { clientId, secretId, ...options }, io);
    });

  client
    .command("delete")
    .description("delete a client with its secrets for good")
    .argument("<client-id>")
    .option("--yes", "do not ask")
    .option(...json)
    .action(async (clientId: string, options: Confirmed) => {
      const { commands, settings } = await load();
      await commands.remove(settings, { clientId, ...options }, io);
    });
}

function withClientFields(command: Command): Command {
  return command
    .option("--name <text>", "its name, for operators")
    .option("--scopes <list>", "what a confidential client may do, such as otp:send,otp:verify")
    .option("--origins <list>", "origins of web pages that may call as this client, separated by commas")
    .option("--dialects <list>", "vendors whose paths it may call, such as biot; see docs/dialects.md")
    .option("--hosts <list>", "host names that stand for this client in calls through a dialect")
    .option("--redirect-uris <list>", "URLs that users may be sent back to")
    .option("--verify-by-identifier", "it may verify codes by identifier instead of by challenge")
    .option("--aliases <list>", "other ids of the client, in the form of other systems")
    .option("--jwks <file>", "its public keys as a JWK set; - is standard input; an empty text takes them away")
    .option("--allowed-addresses <list>", "addresses and networks that it may authenticate from")
    .option("--default", "it stands for calls that name no client");
}
