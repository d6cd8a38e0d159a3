export type Mode = "development" | "production";

export type PerMode<T> = Readonly<Record<Mode, T>>;

/** The headings under which settings are shown. */
export type Topic =
  | "Basics"
  | "Database"
  | "Secrets and keys"
  | "Carriers"
  | "Addresses and processes"
  | "TLS and proxies"
  | "Callers"
  | "Log and metrics"
  | "Codes and sessions"
  | "SolidX"
  | "Budgets of sends and guesses";

/** One setting, which is an environment variable. */
export interface Setting<T> {
  readonly name: `LATCHKEY_${string}` | `IAM_${string}`;
  readonly topic: Topic;
  /** What the setting is for: whole sentences. */
  readonly purpose: string;
  /** How the value is written. */
  readonly unit: string;
  /** The text that an unset variable stands for. Null: there is no default. */
  readonly defaults: PerMode<string | null>;
  /** What to show for a default that depends on other things, such as another setting. */
  readonly defaultsShown?: Partial<PerMode<string>>;
  /** What to do if the setting is missing, in the modes that need it. */
  readonly required?: Partial<PerMode<string>>;
  /** Whether its value and the path of its file are never shown. */
  readonly secret: boolean;
  /**
   * Reads a value. Throws `SettingError`. If the mode is null it is unknown, and only the rules of both modes are checked. `files`
   * are those that the value may name.
   */
  readonly parse: (text: string, mode: Mode | null, files: Files) => T;
}

/** A row of the table. Rows are not secret by default. */
export function setting<T>(row: Omit<Setting<T>, "secret"> & { readonly secret?: boolean }): Setting<T> {
  return { secret: false, ...row };
}

export function both<T>(value: T): PerMode<T> {
  return { development: value, production: value };
}

/** Why a value is refused. The message continues after the name of the variable and has no full stop: "must be …". */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

/** What is wrong with a variable: a whole sentence. */
export interface Problem {
  readonly name: string;
  readonly text: string;
}

/** Reads text files. Throws what `readFileSync` throws. */
export interface Files {
  readText(path: string): string;
  /** Reads an environment variable that a file names. Left out: none can be read. */
  readonly readEnv?: ((name: string) => string | undefined) | undefined;
}

/** The code of a failed file access, to show to people. The error's message is not shown: it repeats the path. */
export function fileErrorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unreadable";
}
