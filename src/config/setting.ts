export type Mode = "development" | "production";

export type PerMode<T> = Readonly<Record<Mode, T>>;

/** One setting of the environment. */
export interface Setting<T> {
  readonly name: `LATCHKEY_${string}`;
  /** What it is for: one sentence. */
  readonly purpose: string;
  /** How the value is written. */
  readonly unit: string;
  /** The text that stands for an unset variable; null: none. */
  readonly defaults: PerMode<string | null>;
  /** What to say about defaults that are no text of this form, such as one made from another setting. */
  readonly defaultsShown?: Partial<PerMode<string>>;
  /** What to do when it is not set, in the modes that need it. */
  readonly required?: Partial<PerMode<string>>;
  /** Neither its value nor the path of its file is ever shown. */
  readonly secret: boolean;
  /** Reads a value; throws `SettingError`. Mode null: it is not known, only what holds in both counts. */
  readonly parse: (text: string, mode: Mode | null) => T;
}

/** A row of the table; not secret unless it says so. */
export function setting<T>(row: Omit<Setting<T>, "secret"> & { readonly secret?: boolean }): Setting<T> {
  return { secret: false, ...row };
}

export function both<T>(value: T): PerMode<T> {
  return { development: value, production: value };
}

/** Why a value is refused; reads on from the variable's name, without a full stop: "must be …". */
export class SettingError extends Error {
  override readonly name = "SettingError";
}

/** What is wrong with which variable: a whole sentence. */
export interface Problem {
  readonly name: string;
  readonly text: string;
}

/** Reads text files; throws what `readFileSync` throws. */
export interface Files {
  readText(path: string): string;
}

/** The code of a failed file access, for people: never its message, which repeats the path. */
export function fileErrorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unreadable";
}
