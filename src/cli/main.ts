import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { diskFiles, type Env } from "../config/settings.js";
import { formatMarkdown, formatSettings } from "./config.js";
import { explain } from "./explain.js";
import { type Io, processIo } from "./io.js";
import { loadSettings } from "./load-settings.js";

/**
 * Runs one command and gives the exit code. `argv` begins with the command. What fails is told on `io.err` in a sentence, with the
 * stack at LATCHKEY_LOG_LEVEL=debug alone.
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
    // Commander has told the user already.
    if (error instanceof CommanderError) return error.exitCode;
    io.err(explain(error));
    if (env.LATCHKEY_LOG_LEVEL === "debug" && error instanceof Error) io.err(String(error.stack));
    return 1;
  }
}

/** Commands load what they need when they run, so that a start pays for no other's imports. */
function createProgram(env: Env, io: Io, setExitCode: (code: number) => void): Command {
  const program = new Command("latchkey")
    .description("Self-hosted one-time-passcode authentication.")
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text.trimEnd()), writeErr: (text) => io.err(text.trimEnd()) });

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

  addKeyCommands(program.command("keys").description("list, rotate and retire keys"), env, io);

  program
    .command("config")
    .description("print every setting with its purpose, default and present value, secrets hidden")
    .option("--markdown", "print the table of settings and defaults as Markdown")
    .action(({ markdown }: { markdown?: boolean }) =>
      io.out(markdown === true ? formatMarkdown(diskFiles) : formatSettings(env, diskFiles)),
    );

  program
    .command("doctor")
    .description("check settings, database, keys, hashing and the mail server")
    .action(async () => setExitCode((await (await import("./doctor.js")).doctor(env, io)) ? 0 : 1));

  return program;
}

function addMigrateCommand(program: Command, env: Env, io: Io): void {
  program
    .command("migrate")
    .description("bring the database's schema up to date, which serve does by itself; or move everything to PostgreSQL")
    .addOption(
      new Option("--to <url>", "move everything from the SQLite database to this empty PostgreSQL database").conflicts([
        "toFile",
        "abort",
      ]),
    )
    .addOption(
      new Option(
        "--to-file <path>",
        "the same, the URL being in a file, - being standard input: so the list of processes shows no password",
      ).conflicts("abort"),
    )
    .option("--abort", "give up a move that is not complete")
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
    .description("copy the SQLite database while it is served; for PostgreSQL, print the command that does")
    .argument("<file>", "where to; - is standard output")
    .option("--force", "replace the file if it is there")
    .action(async (target: string, { force }: { force?: boolean }) =>
      (await import("./backup.js")).backup(await loadSettings(env, io), { target, force: force === true }, io),
    );

  program
    .command("restore")
    .description("put a backup in the place of the SQLite database and end all sessions and codes; the service must be stopped")
    .argument("[file]", "where from; - is standard input")
    .option("--in-place", "instead of a file: the configured database was brought back already, by pg_restore or otherwise")
    .option("--force", "replace an existing database, which is kept under another name")
    .option("--yes", "with --in-place, don't ask whether all sessions and codes may end")
    .option("--keep-sessions", "go on with the sessions of the backup: those revoked since it was made are live again")
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
    .description("print all keys and what depends on them")
    .action(async () => (await import("./keys.js")).listKeys(await loadSettings(env, io), io));

  keys
    .command("rotate")
    .description("make a new signing key: published now, signing after LATCHKEY_KEY_LEAD")
    .option("--compromised", "sign with it at once and drop all others")
    .action(async ({ compromised }: { compromised?: boolean }) =>
      (await import("./keys.js")).rotateKeys(await loadSettings(env, io), { compromised: compromised === true }, io),
    );

  keys
    .command("retire")
    .description("end an older master key or pepper; after a rotation, wait for LATCHKEY_CODE_TTL first")
    .argument("<id>", "the key's id")
    .addOption(new Option("--use <use>", "of which kind, where both have one of this id").choices(["master", "pepper"]))
    .option("--revoke-sessions", "give up the sessions and codes that need it")
    .action(async (keyId: string, { use, revokeSessions }: { use?: "master" | "pepper"; revokeSessions?: boolean }) =>
      (await import("./retire-key.js")).retireKey(
        await loadSettings(env, io),
        { keyId, use, revokeSessions: revokeSessions === true },
        io,
      ),
    );
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
