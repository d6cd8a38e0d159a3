import { quote } from "../lib/escape.js";
import { isLoopback, type Listen, parseListen } from "../lib/listen.js";
import { Secret } from "../lib/secret.js";
import { type Mode, SettingError } from "./setting.js";

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** One of the given words. */
export function choice<const T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new SettingError(`must be ${orList(words)}, not ${quote(text)}`);
    return found;
  };
}

export function flag(text: string): boolean {
  return choice(["on", "off"])(text) === "on";
}

export function integer(bounds: { readonly min: number; readonly max: number }): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= bounds.min && value <= bounds.max)) {
      throw new SettingError(`must be a whole number from ${bounds.min} to ${bounds.max}, not ${quote(text)}`);
    }
    return value;
  };
}

/**
 * A time in milliseconds, within bounds that are written as durations. `max` applies always. `productionMin`, if there is one,
 * replaces `min` in production.
 */
export function duration(bounds: { readonly min: string; readonly productionMin?: string; readonly max: string }) {
  return (text: string, mode: Mode | null): number => {
    const value = parseDuration(text);
    if (value === null) {
      throw new SettingError(
        `must be a duration such as 500ms, 30s, 10m, 24h or 7d, or a number of seconds, not ${quote(text)}`,
      );
    }
    const min = (mode === "production" ? bounds.productionMin : undefined) ?? bounds.min;
    if (value < parseDuration(min)!) {
      const where = min === bounds.min ? "" : " in production";
      throw new SettingError(`must be at least ${min}${where}, not ${quote(text)}`);
    }
    if (value > parseDuration(bounds.max)!) throw new SettingError(`must be at most ${bounds.max}, not ${quote(text)}`);
    return value;
  };
}

/** Reads `500ms`, `30s`, `10m`, `24h`, `7d` or a number of seconds. Returns milliseconds, or null for other texts. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h|d)?$/.exec(text);
  return match === null ? null : Number(match[1]) * unitMs[(match[2] ?? "s") as keyof typeof unitMs];
}

/** An address to listen on. It must be a loopback address in development, and with `loopbackOnly` in every mode. */
export function listener(options: { readonly loopbackOnly: boolean }) {
  return (text: string, mode: Mode | null): Listen => {
    const listen = parseListen(text);
    if (listen === null) {
      throw new SettingError(
        `must be an address and a port such as 127.0.0.1:8080, [::1]:8080 or localhost:8080, not ${quote(text)}`,
      );
    }
    if (!isLoopback(listen.host) && (options.loopbackOnly || mode === "development")) {
      const why = options.loopbackOnly ? "" : " in development";
      throw new SettingError(
        `must be an address of this machine only${why} (127.0.0.1, [::1] or localhost), not ${quote(text)}`,
      );
    }
    return listen;
  };
}

/** A name that messages show. */
export function parseAppName(text: string): string {
  const name = text.trim();
  if (name === "" || [...name].length > 40 || /[\p{C}\p{Zl}\p{Zp}]/u.test(name)) {
    throw new SettingError("must be 1 to 40 characters, without line breaks and control characters");
  }
  return name;
}

/** A bearer token (RFC 6750 §2.1), too long to guess. Messages never repeat it. */
export function parseBearerToken(text: string): Secret<string> {
  if (!/^[A-Za-z0-9._~+/=-]{16,256}$/.test(text)) {
    throw new SettingError("must be 16 to 256 letters, digits and - . _ ~ + / =: make one with `openssl rand -hex 32`");
  }
  return new Secret(text);
}

/** A path. Whether the file exists is checked where it is used. */
export function path(text: string): string {
  if (text === "" || text.includes("\0")) throw new SettingError("must be the path of a file");
  return text;
}

/** Entries separated by commas, trimmed and without duplicates. An empty text is an empty list. */
export function list<T extends string>(parseEntry: (text: string, position: number) => T): (text: string) => readonly T[] {
  return (text) => (text.trim() === "" ? [] : [...new Set(text.split(",").map((entry, i) => parseEntry(entry.trim(), i + 1)))]);
}

function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
