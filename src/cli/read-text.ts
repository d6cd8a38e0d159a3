import { readFileSync } from "node:fs";
import { CliError, refuseUrl, standardStream } from "./io.js";

/** Reads the file that an option names, or standard input. Throws `CliError`, without the content, if it can't be read. */
export function readText(option: string, path: string): string {
  refuseUrl(path, option);
  try {
    return readFileSync(path === standardStream ? 0 : path, "utf8");
  } catch {
    throw new CliError(`${option} names a file that cannot be read: correct the path or the permissions.`);
  }
}
