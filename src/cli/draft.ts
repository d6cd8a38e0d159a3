import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { codeOf } from "../lib/error-code.js";
import { removeDatabase } from "../store/sqlite/copies.js";
import { CliError } from "./io.js";

/**
 * Runs `work` on an empty file beside `path` that only its owner can read. Afterwards the file is removed, also after a signal,
 * unless `work` has renamed it. Disk errors become a `CliError` that names the folder.
 */
export async function withDraft<T>(path: string, work: (draft: string) => Promise<T>): Promise<T> {
  const draft = `${path}.${process.pid}.${randomBytes(6).toString("hex")}.part`;
  const onSignal = (): void => {
    removeDatabase(draft);
    process.exit(1);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    closeSync(openSync(draft, "wx", 0o600));
    return await work(draft);
  } catch (error) {
    throw diskError(error, dirname(resolve(path)));
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    removeDatabase(draft);
  }
}

/** Makes new names in a folder survive a loss of power, on systems that support it. */
export function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const folder = openSync(dirname(resolve(path)), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function diskError(error: unknown, folder: string): unknown {
  const code = codeOf(error) || (error instanceof Error ? codeOf(error.cause) : "");
  if (/^(ENOSPC|EDQUOT|EFBIG|SQLITE_FULL)$/.test(code))
    return new CliError(`The disk of ${folder} is full: make room there; nothing was left behind.`);
  if (/^(EIO|SQLITE_IOERR.*)$/.test(code))
    return new CliError(`The disk of ${folder} is failing or full (${code}): nothing was left behind.`);
  if (/^(ENOENT|ENOTDIR)$/.test(code)) return new CliError(`There is no folder ${folder}: create it, or name another place.`);
  if (/^(EACCES|EPERM|EROFS)$/.test(code))
    return new CliError(`The folder ${folder} cannot be written to: check its permissions.`);
  return error;
}
