import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { CliError } from "./io.js";

/** The folder of development's secrets, in the working directory. */
export const devSecretsDirectory = ".latchkey";

/** Creates the folder unless it exists. Throws `CliError` if it is open to other users. */
export function makeDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (isOpen(directory)) throw new CliError(`${directory} is open to other users: run \`chmod 700 ${directory}\`.`);
}

/**
 * Creates a file that only its owner can read, unless it exists. Returns true if this call created it. Linking a finished draft
 * to the name makes this atomic: no process reads half a file, and a crash leaves none behind.
 */
export function makeFile(path: string, text: string): boolean {
  if (exists(path)) return false;
  const draft = `${path}.${process.pid}.${randomBytes(6).toString("hex")}`;
  writeFileSync(draft, text, { flag: "wx", mode: 0o600, flush: true });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

/** Reads a file. Throws `CliError` if it is open to other users. */
export function readFile(path: string): string {
  if (isOpen(path)) throw new CliError(`${path} is open to other users: run \`chmod 600 ${path}\`.`);
  return readFileSync(path, "utf8");
}

export function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isOpen(path: string): boolean {
  // Windows has no such permission bits.
  return process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0;
}
