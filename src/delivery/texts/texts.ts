import type { Wording } from "../../model/wording.js";

export type { Wording };

/** The values that sentences use. They are cleaned texts, never templates. */
export interface Values {
  readonly code: string;
  readonly appName: string;
  readonly minutes: number;
}

/** What happened to a contact that its owner should know of. */
export type Notice = "email_changed" | "email_removed" | "phone_changed" | "phone_removed";

/** The values of a notice. `days` is how long its link works. */
export interface NoticeValues {
  readonly appName: string;
  readonly days: number;
}

/** The sentences of one language. A language is one file in this folder and one line in `languages.ts`. Digits are ASCII. */
export interface Texts {
  /** BCP 47, for the `lang` of a page. */
  readonly language: string;
  readonly direction: "ltr" | "rtl";
  /**
   * How SMS are written. `gsm7`: letters that GSM-7 does not have lose their accents, and a segment has 160 characters. `ucs2`: for a
   * script that GSM-7 does not have. A segment has 70 UTF-16 units.
   */
  readonly smsAlphabet: "gsm7" | "ucs2";
  /** The text after the code in a subject, a first line and a heading. Code and headline together form one sentence. */
  headline(wording: Wording, values: Values): string;
  /** Says what the code does. */
  explanation(wording: Wording, values: Values): string;
  /** Says how long the code can be used. */
  validity(values: Values): string;
  /** Says what to do if the reader did not request the code. */
  warning(values: Values): string;
  /** For a reader who did not request the code: a sentence, and the label of a link that ends the code and its session. */
  notMe(values: Values): { readonly sentence: string; readonly label: string };
  /** The whole SMS, with the code first. One segment at least with a code of 6 and a name of 8 characters. */
  sms(wording: Wording, values: Values): string;
  /**
   * The SMS if the whole one takes several segments: the code, what it is for, and not to share it. One segment even with a code of 10
   * and a name of 24 characters.
   */
  smsShort(wording: Wording, values: Values): string;
  /** What a call says. The digits of `code` are apart from one another here, and the text has them twice. */
  voice(wording: Wording, values: Values): string;
  /**
   * The mail to a contact that was changed or removed. The sentence is for a reader who did not do it, and comes before a link with
   * the label, which undoes the change.
   */
  notice(
    notice: Notice,
    values: NoticeValues,
  ): { readonly subject: string; readonly explanation: string; readonly sentence: string; readonly label: string };
  /** The SMS to a contact that was changed or removed. The link comes last. */
  noticeSms(notice: Notice, values: NoticeValues & { readonly url: string }): string;
}

/**
 * Isolates a name in a sentence whose direction may differ, so that punctuation and digits beside it stay in their places (Unicode
 * UAX #9, FIRST STRONG ISOLATE). Only for mail: a short message would pay for the two characters.
 */
export function isolated({ direction }: Texts, name: string): string {
  return direction === "rtl" || /[\p{Script=Arabic}\p{Script=Hebrew}]/u.test(name) ? `\u2068${name}\u2069` : name;
}
