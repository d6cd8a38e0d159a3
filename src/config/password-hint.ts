import { SettingError } from "./setting.js";

const hint = 'percent-encode "/", "?", "#", "%" and "@" in a password: %2F, %3F, %23, %25 and %40';

/** What looks like `user:pass/word@host`: the first of / ? # ends the host before the @ that the password was to end at. */
const unescaped = /^[a-z]+:\/\/[^/?#@]*:[^/?#@]*[/?#][^@]*@/;

/** Reads a URL that may hold a password, and adds to a refusal how to write one that was not percent-encoded. */
export function withPasswordHint<T>(text: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SettingError) || !unescaped.test(text) || error.message.includes("%2F")) throw error;
    throw new SettingError(`${error.message}; ${hint}`);
  }
}
