import { type Command, Option } from "commander";
import type { Env } from "../config/settings.js";
import { reportFormats } from "../model/app.js";
import { dialects } from "../model/dialect.js";
import type { AppOptions, Confirmed, Json, PolicyOptions } from "./apps/app.js";
import type { HookOptions, ReportHookOptions } from "./apps/hook.js";
import type { Io } from "./io.js";
import { loadSettings } from "./load-settings.js";

const json = ["--json", "print JSON"] as const;

/** `latchkey app …`. The modules of the commands are loaded when one of them runs. */
export function addAppCommands(app: Command, env: Env, io: Io): void {
  const load = async () => ({ commands: await import("./apps/app.js"), settings: await loadSettings(env, io) });

  withAppFields(app.command("create").description("create an app"))
    .option("--pool <id>", "the set of people that its users belong to; a new one is made (default: main)")
    .addOption(
      new Option("--preset <vendor>", "set what a vendor documents as the policy and texts of the app").choices(dialects),
    )
    .option(...json)
    .argument("<app-id>", "a lower-case letter, then lower-case letters, digits and hyphens")
    .action(async (appId: string, options: AppOptions) => {
      const { commands, settings } = await load();
      await commands.create(settings, { appId, ...options }, io);
    });

  app
    .command("list")
    .description("list all apps")
    .option(...json)
    .action(async (options: Json) => {
      const { commands, settings } = await load();
      await commands.list(settings, options, io);
    });

  app
    .command("show")
    .description("print an app")
    .argument("<app-id>")
    .option(...json)
    .action(async (appId: string, options: Json) => {
      const { commands, settings } = await load();
      await commands.show(settings, { appId, ...options }, io);
    });

  withAppFields(app.command("update").description("change an app"))
    .argument("<app-id>")
    .option(...json)
    .action(async (appId: string, options: AppOptions) => {
      const { commands, settings } = await load();
      await commands.update(settings, { appId, ...options }, io);
    });

  app
    .command("policy")
    .description("print the policy in effect with the source of each value, or change values")
    .argument("<app-id>")
    .option("--set <name=value>", "let the app decide a value, such as code_length=8; can be repeated", collect, [])
    .option("--unset <name>", "let a value fall back to its setting or default; can be repeated", collect, [])
    .option(...json)
    .action(async (appId: string, options: PolicyOptions) => {
      const { commands, settings } = await load();
      await commands.policy(settings, { appId, ...options }, io);
    });

  addHookCommands(app.command("hook").description("set or remove the hook that decides about new users of an app"), env, io);

  addReportHookCommands(
    app.command("report-hook").description("set or remove the hook that is sent the delivery reports of an app"),
    env,
    io,
  );

  app
    .command("archive")
    .description("refuse all calls of the clients of an app and keep its data")
    .argument("<app-id>")
    .option("--undo", "make an archived app active again")
    .option(...json)
    .action(async (appId: string, options: Json & { readonly undo?: boolean }) => {
      const { commands, settings } = await load();
      await commands.archive(settings, { appId, ...options }, io);
    });

  app
    .command("delete")
    .description("delete an app with its clients for good, or archive it if sessions or live codes belong to it")
    .argument("<app-id>")
    .option("--yes", "do not ask")
    .option(...json)
    .action(async (appId: string, options: Confirmed) => {
      const { commands, settings } = await load();
      await commands.remove(settings, { appId, ...options }, io);
    });
}

function addHookCommands(hook: Command, env: Env, io: Io): void {
  const load = async () => ({ commands: await import("./apps/hook.js"), settings: await loadSettings(env, io) });

  hook
    .command("set")
    .description("set or replace the registration hook and print its new secret")
    .argument("<app-id>")
    .requiredOption("--url <url>", "the https URL that Latchkey asks before a user is created or joins the app")
    .addOption(
      new Option("--on-failure <effect>", "what happens to a registration if the hook gives no valid answer")
        .choices(["refuse", "allow"])
        .default("refuse"),
    )
    .option(...json)
    .action(async (appId: string, options: Omit<HookOptions, "appId">) => {
      const { commands, settings } = await load();
      await commands.set(settings, { appId, ...options }, io);
    });

  hook
    .command("delete")
    .description("remove the registration hook and its secret")
    .argument("<app-id>")
    .option(...json)
    .action(async (appId: string, options: Json) => {
      const { commands, settings } = await load();
      await commands.remove(settings, { appId, ...options }, io);
    });
}

function addReportHookCommands(hook: Command, env: Env, io: Io): void {
  const load = async () => ({ commands: await import("./apps/hook.js"), settings: await loadSettings(env, io) });

  hook
    .command("set")
    .description("set or replace the hook for delivery reports and print its new secret")
    .argument("<app-id>")
    .requiredOption("--url <url>", "the https URL that Latchkey posts to when a message arrives or fails")
    .addOption(new Option("--format <format>", "the shape of the reports").choices(reportFormats).default("latchkey"))
    .option(...json)
    .action(async (appId: string, options: Omit<ReportHookOptions, "appId">) => {
      const { commands, settings } = await load();
      await commands.setReports(settings, { appId, ...options }, io);
    });

  hook
    .command("delete")
    .description("remove the hook for delivery reports, its secret, and the reports that wait for it")
    .argument("<app-id>")
    .option(...json)
    .action(async (appId: string, options: Json) => {
      const { commands, settings } = await load();
      await commands.removeReports(settings, { appId, ...options }, io);
    });
}

function withAppFields(command: Command): Command {
  return command
    .option("--name <text>", "what messages call the app")
    .option("--origins <list>", "origins of web pages that may call as any client of the app, separated by commas")
    .option("--logo-url <url>", "the https URL of its logo")
    .option("--support-address <text>", "an e-mail address or https URL where users find help")
    .option("--audience <text>", "the aud claim of its access tokens")
    .option("--roles <list>", "the roles that its users may have, separated by commas");
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
