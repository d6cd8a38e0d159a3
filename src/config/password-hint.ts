import { SettingError } from "./setting.js";

const hint = 'percent-encode "/", "?", "#", "%" and "@" in a password: %2F, %3F, %23, %25 and %40';

/** Matches `user:pass/word@host`: a URL parser takes the first / ? or # for the end of the host, although the password goes on to the @. */
const unescaped = /^[a-z-]+:\/\/[^/?#@]*:[^/?#@]*[/?#][^@]*@/;

/** Parses a URL that may hold a password. If it is refused and the password looks unescaped, the message adds how to escape it. */
export function withPasswordHint<T>(text: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SettingError) || !unescaped.test(text) || error.message.includes("%2F")) throw error;
    throw new SettingError(`${error.message}; ${hint}`);
  }
}

/** Decodes a part of a URL. Throws SettingError. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new SettingError('must have its special characters percent-encoded: "%" itself is %25');
  }
}
