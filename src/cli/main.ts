import { Command, CommanderError, Option } from "commander";
import { diskFiles, type Env } from "../config/settings.js";
import { packageVersion } from "../lib/package-version.js";
import { addAppCommands } from "./app-commands.js";
import { addClientCommands } from "./client-commands.js";
import { formatMarkdown, formatSettings } from "./config.js";
import { explain } from "./explain.js";
import { type Io, processIo } from "./io.js";
import { loadSettings } from "./load-settings.js";
import { addMessageCommands, addSendTestCommand } from "./message-commands.js";
import { addProviderCommands } from "./provider-commands.js";
import { addRoutingCommands } from "./routing-commands.js";
import { addTestIdentifierCommands } from "./test-identifier-commands.js";
import { addUserCommands } from "./user-commands.js";
import { addTextCommands, addWordingCommands } from "./wording-commands.js";

/**
 * Runs one command and returns the exit code. `argv` starts with the command. A failure is written to `io.err` as a sentence,
 * with the stack only at LATCHKEY_LOG_LEVEL=debug.
 */
export async function run(argv: readonly string[], env: Env, io: Io = processIo): Promise<number> {
  let exitCode = 0;
  const program = createProgram(env, io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has already printed the error.
    if (error instanceof CommanderError) return error.exitCode;
    io.err(explain(error));
    if (env.LATCHKEY_LOG_LEVEL === "debug" && error instanceof Error) io.err(String(error.stack));
    return 1;
  }
}

/** Commander repeats an unknown option as it was typed. Its value may be a secret. */
const withoutValues = (text: string): string => text.replaceAll(/(--[\w-]+)=[^\s']+/g, "$1");

/** Commands load their modules when they run, so that a start does not load those of other commands. */
function createProgram(env: Env, io: Io, setExitCode: (code: number) => void): Command {
  const program = new Command("latchkey")
    .description("Self-hosted one-time-passcode authentication.")
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text.trimEnd()), writeErr: (text) => io.err(withoutValues(text.trimEnd())) });

  program
    .command("serve")
    .description("serve until SIGTERM or SIGINT")
    .option("--workers <count>", "how many processes serve, instead of LATCHKEY_WORKERS")
    .action(async ({ workers }: { workers?: string }) => {
      const settings = await loadSettings(workers === undefined ? env : { ...env, LATCHKEY_WORKERS: workers }, io);
      await (await import("./serve.js")).serve(settings, env);
    });

  addMigrateCommand(program, env, io);

  addBackupCommands(program, env, io);

  addKeyCommands(program.command("keys").description("list, rotate, promote and retire keys"), env, io);

  addAppCommands(program.command("app").description("create, list, change and archive apps"), env, io);

  addClientCommands(program.command("client").description("create, list, change and delete clients of apps"), env, io);

  const users = program.command("user").description("find, create, change, lock, delete, import and export users of an app");
  addUserCommands(users, env, io, setExitCode);

  const wording = program.command("wording").description("show or change how the messages of an app look");
  addWordingCommands(wording, env, io);

  addTextCommands(program.command("text").description("set, list, remove and preview the texts of an app"), env, io);
  addTestIdentifierCommands(
    program.command("test-identifier").description("set, list and remove the contacts that an app uses for tests"),
    env,
    io,
  );

  addMessageCommands(program.command("message").description("list messages, show them and send their codes again"), env, io);

  const provider = program
    .command("provider")
    .description("set, test, list and remove the carriers that an app uses for itself");
  addProviderCommands(provider, env, io, setExitCode);

  const routing = program
    .command("routing")
    .description("show, set and explain which carriers and senders an app's messages use");
  addRoutingCommands(routing, env, io);

  addSendTestCommand(program.command("send-test"), env, io, setExitCode);

  program
    .command("config")
    .description("print every setting with its purpose, default and current value; secrets are hidden")
    .option("--markdown", "print the table of settings and defaults as Markdown")
    .action(({ markdown }: { markdown?: boolean }) =>
      io.out(markdown === true ? formatMarkdown(diskFiles) : formatSettings(env, diskFiles)),
    );

  program
    .command("fleet")
    .description("list the processes that serve the database, with their versions and keys")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) =>
      (await import("./fleet.js")).listFleet(await loadSettings(env, io), options, io),
    );

  program
    .command("doctor")
    .description("check settings, database, keys, hashing speed and the carriers")
    .action(async () => setExitCode((await (await import("./doctor.js")).doctor(env, io)) ? 0 : 1));

  return program;
}

function addMigrateCommand(program: Command, env: Env, io: Io): void {
  program
    .command("migrate")
    .description("update the database's schema, which serve also does; or move all data to PostgreSQL")
    .addOption(
      new Option("--to <url>", "move all data from the SQLite database to this empty PostgreSQL database").conflicts([
        "toFile",
        "abort",
      ]),
    )
    .addOption(
      new Option(
        "--to-file <path>",
        "like --to, but read the URL from a file (- is standard input), so that the process list shows no password",
      ).conflicts("abort"),
    )
    .option("--abort", "cancel a move that is not complete")
    .action(async ({ to, toFile, abort }: { to?: string; toFile?: string; abort?: boolean }) => {
      const settings = await loadSettings(env, io);
      const move = async () => await import("./move.js");
      if (abort === true) return (await move()).abort(settings, io);
      if (to !== undefined) return await (await move()).move(settings, { url: to }, io);
      if (toFile !== undefined) return await (await move()).move(settings, { file: toFile }, io);
      return await (await import("./migrate.js")).migrate(settings, io);
    });
}

function addBackupCommands(program: Command, env: Env, io: Io): void {
  program
    .command("backup")
    .description("copy the SQLite database while it is served; for PostgreSQL, print the command that does this")
    .argument("<file>", "the backup file; - is standard output")
    .option("--force", "replace the file if it exists")
    .action(async (target: string, { force }: { force?: boolean }) =>
      (await import("./backup.js")).backup(await loadSettings(env, io), { target, force: force === true }, io),
    );

  program
    .command("restore")
    .description("replace the SQLite database with a backup and end all sessions and codes; the service must be stopped")
    .argument("[file]", "the backup file; - is standard input")
    .option("--in-place", "use the configured database, already restored by pg_restore or other means, instead of a file")
    .option("--force", "replace an existing database; it is kept under another name")
    .option("--yes", "with --in-place, end all sessions and codes without asking")
    .option("--keep-sessions", "keep the backup's sessions, including those that were revoked since it was made")
    .action(async (source: string | undefined, given: RestoreOptions, command) => {
      if ((source === undefined) !== (given.inPlace === true)) command.error("error: name a backup file, or give --in-place");
      const { force = false, keepSessions = false, yes = false } = given;
      const restoration = { source, force, keepSessions, yes };
      await (await import("./restore.js")).restore(await loadSettings(env, io), restoration, io);
    });
}

interface RestoreOptions {
  readonly inPlace?: boolean;
  readonly force?: boolean;
  readonly keepSessions?: boolean;
  readonly yes?: boolean;
}

function addKeyCommands(keys: Command, env: Env, io: Io): void {
  keys
    .command("list")
    .description("print all keys and how many sessions and codes need them")
    .action(async () => (await import("./keys.js")).listKeys(await loadSettings(env, io), io));

  keys
    .command("rotate")
    .description("create a signing key: published now, signing after LATCHKEY_KEY_LEAD")
    .option("--compromised", "sign with the new key at once and delete all others")
    .action(async ({ compromised }: { compromised?: boolean }) =>
      (await import("./keys.js")).rotateKeys(await loadSettings(env, io), { compromised: compromised === true }, io),
    );

  keys
    .command("promote")
    .description("make a configured master key or pepper the one for new data")
    .argument("<id>", "the key's id")
    .addOption(new Option("--use <use>", "the kind of key, if both kinds have this id").choices(["master", "pepper"]))
    .action(async (keyId: string, { use }: { use?: "master" | "pepper" }) =>
      (await import("./promote-key.js")).promoteKey(await loadSettings(env, io), { keyId, use }, io),
    );

  keys
    .command("retire")
    .description("remove a master key or pepper that is not current; after a promotion, wait for LATCHKEY_CODE_TTL first")
    .argument("<id>", "the key's id")
    .addOption(new Option("--use <use>", "the kind of key, if both kinds have this id").choices(["master", "pepper"]))
    .option("--revoke-sessions", "revoke the sessions and codes that need the key")
    .action(async (keyId: string, { use, revokeSessions }: { use?: "master" | "pepper"; revokeSessions?: boolean }) =>
      (await import("./retire-key.js")).retireKey(
        await loadSettings(env, io),
        { keyId, use, revokeSessions: revokeSessions === true },
        io,
      ),
    );
}
