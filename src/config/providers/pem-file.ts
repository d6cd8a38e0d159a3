import { SettingError } from "../setting.js";
import type { ProviderContext } from "./provider-url.js";

/** What a parameter's file must hold. */
export interface PemFile {
  readonly parameter: string;
  /** As in "a file of …". */
  readonly what: string;
  /** Throws if the text is something else. */
  readonly check: (pem: string) => void;
}

/**
 * Reads a PEM file that a parameter names. Returns null if the parameter is not set. Throws SettingError, whose message repeats
 * neither the path, which by mistake may be the key itself, nor anything of the file.
 */
export function readPem(
  path: string | undefined,
  { parameter, what, check }: PemFile,
  { readText }: Pick<ProviderContext, "readText">,
): string | null {
  if (path === undefined) return null;
  if (readText === null) throw new SettingError(`must not name a file of this machine as \`${parameter}\`: remove it`);
  const pem = readText(path);
  try {
    if (!pem.includes("-----BEGIN ")) throw new Error("not PEM");
    check(pem);
  } catch {
    throw new SettingError(`names a file as \`${parameter}\` that is not PEM of ${what}: name such a file`);
  }
  return pem;
}
