import { existsSync, renameSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { listUsers } from "../../accounts/list-users.js";
import type { Settings } from "../../config/settings.js";
import { codeOf } from "../../lib/error-code.js";
import type { Json } from "../apps/app.js";
import { print } from "../apps/output.js";
import { syncFolder, withDraft } from "../draft.js";
import { CliError, type Io, refuseUrl, standardStream } from "../io.js";
import { portableFields } from "./output.js";
import { type InApp, withAccounts } from "./with-accounts.js";

export interface ExportOptions extends Json {
  readonly app: string;
  /** A path, or `-` for standard output. */
  readonly file: string;
  readonly force?: boolean;
}

/** Takes all of a text, or throws. */
type Write = (text: string) => Promise<void>;

/** Writes the users of an app as JSON lines, which `import` reads. A file gets its name when it is complete. */
export async function exportPeople(settings: Settings, options: ExportOptions, io: Io): Promise<void> {
  const { app: appId, file, force = false } = options;
  refuseUrl(file, "--file");
  if (/\.csv$/i.test(file)) {
    throw new CliError("An export is JSON lines, not CSV: give the file a name that ends in .jsonl.");
  }
  await withAccounts(settings, { appId, io }, async (given) => {
    if (file === standardStream) {
      await writeUsers(given, toStandardOutput());
    } else if (isDevice(file)) {
      await toFile(file, "w", (write) => writeUsers(given, write));
    } else {
      if (existsSync(file) && !force) throw new CliError(`${file} exists: name another file, or add --force to replace it.`);
      const users = await withDraft(file, async (draft) => {
        const count = await toFile(draft, "r+", (write) => writeUsers(given, write));
        renameSync(draft, file);
        syncFolder(file);
        return count;
      });
      print(io, options, { file, users }, [`Wrote ${users} users to ${file}, readable only by you, and not encrypted.`]);
    }
  });
}

/** How many users are read and written at once. */
const pageSize = 200;

/** Returns how many users it wrote. */
async function writeUsers({ deps, actor, app }: InApp, write: Write): Promise<number> {
  let count = 0;
  let pageToken = "";
  do {
    const { items, nextPageToken } = await listUsers(deps, actor, { appId: app.appId, filter: null, pageSize, pageToken });
    await write(items.map((member) => `${JSON.stringify(portableFields(member))}\n`).join(""));
    count += items.length;
    pageToken = nextPageToken;
  } while (pageToken !== "");
  return count;
}

async function toFile(path: string, flags: "w" | "r+", work: (write: Write) => Promise<number>): Promise<number> {
  const handle = await open(path, flags);
  try {
    const count = await work(async (text) => void (await handle.appendFile(text)));
    if (flags === "r+") await handle.sync();
    return count;
  } finally {
    await handle.close();
  }
}

function isDevice(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile();
}

function toStandardOutput(): Write {
  // Each failure reaches the callback of its write. Without this listener it would end the process first.
  process.stdout.on("error", () => {});
  return (text) =>
    new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(outputError(error)) : resolve()));
    });
}

function outputError(error: Error): CliError {
  return new CliError(
    codeOf(error) === "EPIPE"
      ? "The program that reads the users has ended before it had all: the export is incomplete."
      : `Standard output did not take all users: discard the incomplete export (${error.message}).`,
  );
}
