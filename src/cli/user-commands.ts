import { type Command, InvalidArgumentError, Option } from "commander";
import type { Env } from "../config/settings.js";
import { channels } from "../model/channel.js";
import type { Confirmed } from "./apps/app.js";
import { CliError, type Io } from "./io.js";
import { loadSettings } from "./load-settings.js";
import type { OnUser } from "./users/acts.js";
import type { ExportOptions } from "./users/export.js";
import type { FindOptions } from "./users/find.js";
import { origins } from "./users/import/from/origin.js";
import type { ImportOptions } from "./users/import/import.js";
import type { CreateOptions, InviteOptions, UpdateOptions } from "./users/user.js";

const json = ["--json", "print JSON"] as const;
const key = "an e-mail address, phone number, username, number, user id or external id";

type Given<Options> = Omit<Options, "user">;

/** `latchkey user …`. Loads the modules of a command when it runs. Calls `setExitCode` with 1 if the command had no success. */
export function addUserCommands(user: Command, env: Env, io: Io, setExitCode: (code: number) => void): void {
  const load = async () => ({ commands: await import("./users/user.js"), settings: await loadSettings(env, io) });

  ofUser(user.command("find").description("print a user, and everything that keeps the user from signing in now"))
    .option("--client <id>", "the client that the user signs in with; needs --address")
    .option("--address <ip>", "the address that the user signs in from, to check its limits too; needs --client")
    .action(async (named: string, options: Given<FindOptions>) => {
      const { find } = await import("./users/find.js");
      if (!(await find(await loadSettings(env, io), { user: named, ...options }, io))) setExitCode(1);
    });

  withContacts(ofApp(user.command("create").description("create a user, or join a person of the pool to the app")))
    .option("--verified <list>", "which of the contacts you have verified: email, phone or both, separated by commas")
    .addOption(
      new Option("--credential-type <type>", "whether codes sign the user in; it can't be changed later").choices([
        "otp",
        "none",
        "test",
      ]),
    )
    .action(async (options: CreateOptions) => {
      const { commands, settings } = await load();
      await commands.create(settings, options, io);
    });

  withContacts(ofApp(user.command("invite").description("create a user and send a code that activates the account")))
    .requiredOption("--client <id>", "the client of the app that redeems the code")
    .addOption(
      new Option("--channel <channel>", "how the code is sent; by default email if there is an e-mail address").choices(
        channels,
      ),
    )
    .action(async (options: InviteOptions) => {
      const { commands, settings } = await load();
      await commands.invite(settings, options, io);
    });

  withFields(ofUser(user.command("update").description("change a user; an empty value removes what was there")))
    .option("--add-contact <contact>", "add an e-mail address or phone number")
    .option("--verified", "with --add-contact: you have verified it")
    .option("--primary", "with --add-contact: make it the primary one of its kind")
    .option("--remove-contact <contact>", "remove an e-mail address or phone number")
    .action(async (named: string, options: Given<UpdateOptions>) => {
      const { commands, settings } = await load();
      await commands.update(settings, { user: named, ...options }, io);
    });

  addActs(user, env, io);
  addFileCommands(user, env, io, setExitCode);
}

function addActs(user: Command, env: Env, io: Io): void {
  const load = async () => ({ acts: await import("./users/acts.js"), settings: await loadSettings(env, io) });
  const descriptions = {
    lock: "lock a user out of the app and end all sessions there",
    unlock: "end the lock of a user",
    unblock: "reset disabled contacts, the lockout and the limits of a user",
    sessions: "list the live sessions of a user in the app",
  } as const;
  for (const name of ["lock", "unlock", "unblock", "sessions"] as const) {
    ofUser(user.command(name).description(descriptions[name])).action(async (named: string, options: Given<OnUser>) => {
      const { acts, settings } = await load();
      await acts[name](settings, { user: named, ...options }, io);
    });
  }

  ofUser(user.command("revoke").description("end all sessions of a user in the app, or one"))
    .option("--session <id>", "end only this session")
    .action(async (named: string, options: Given<OnUser> & { readonly session?: string }) => {
      const { acts, settings } = await load();
      await acts.revoke(settings, { user: named, ...options }, io);
    });

  ofUser(user.command("delete").description("remove a user from the app; a person of no other app is erased"))
    .option("--erase", "erase the person, also from other apps of the pool")
    .option("--yes", "do not ask")
    .action(async (named: string, options: Given<OnUser> & Confirmed & { readonly erase?: boolean }) => {
      const { acts, settings } = await load();
      await acts.remove(settings, { user: named, ...options }, io);
    });
}

function addFileCommands(user: Command, env: Env, io: Io, setExitCode: (code: number) => void): void {
  ofApp(user.command("import").description("import users from JSON or CSV, also of another service; a repeat changes nothing"))
    .argument("[file]", "the file; - is standard input")
    .option("--file <path>", "the same as an option")
    .addOption(
      new Option(
        "--from <service>",
        "the service that the users come from; csv is CSV with the columns of import and an id",
      ).choices(origins),
    )
    .addOption(
      new Option("--format <format>", "the format, if the name of the file does not show it").choices(["jsonl", "csv"]),
    )
    .option("--dry-run", "change nothing, and report what an import would do")
    .option("--verified-by-source", "trust the source in which contacts are verified")
    .option("--no-verified-by-source", "import all contacts as not verified")
    .option("--kind <word>", "the kind of the users for whom the file gives none")
    .option("--from-line <number>", "leave out the lines before this one", lineNumber)
    .action(async (path: string | undefined, options: Omit<ImportOptions, "file"> & { readonly file?: string }) => {
      const file = path ?? options.file;
      if (file === undefined) throw new CliError("Name the file with the users: latchkey user import people.csv.");
      if (path !== undefined && options.file !== undefined) throw new CliError("The file is named twice: leave out --file.");
      const { importPeople } = await import("./users/import/import.js");
      if (!(await importPeople(await loadSettings(env, io), { ...options, file }, io))) setExitCode(1);
    });

  ofApp(user.command("export").description("write all users of the app as JSON lines, which import reads"))
    .option("--file <path>", "the file; - is standard output", "-")
    .option("--force", "replace the file if it exists")
    .action(async (options: ExportOptions) => {
      const { exportPeople } = await import("./users/export.js");
      await exportPeople(await loadSettings(env, io), options, io);
    });
}

function ofApp(command: Command): Command {
  return command.option("--app <id>", "the app", "default").option(...json);
}

function ofUser(command: Command): Command {
  return ofApp(command)
    .argument("<user>", key)
    .addOption(
      new Option("--by <kind>", "what <user> is, if its form does not show it").choices([
        "email",
        "phone",
        "username",
        "number",
        "user_id",
        "external_id",
      ]),
    );
}

function withContacts(command: Command): Command {
  return withFields(command.option("--email <address>", "an e-mail address").option("--phone <number>", "a phone number"));
}

function withFields(command: Command): Command {
  return command
    .option("--username <name>", "a letter, then letters, digits, dots, underscores and hyphens")
    .option("--name <text>", "what the user is called")
    .option("--locale <tag>", "the language of messages, such as sv-SE")
    .option("--roles <list>", "roles of the app's list, separated by commas")
    .option("--kind <word>", "a word of the app, such as patient")
    .option("--organization <id>", "the organization that owns the membership (default: that of the app)")
    .option("--external-id <id>", "the app's own id of the user")
    .option("--custom-attributes <json>", "a JSON object that the user may change")
    .option("--app-attributes <json>", "a JSON object that only administrators change");
}

function lineNumber(text: string): number {
  if (!/^[1-9][0-9]{0,11}$/.test(text)) throw new InvalidArgumentError("Give the number of a line, from 1.");
  return Number(text);
}
