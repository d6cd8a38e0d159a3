/** What the code is for, from the recipient's point of view. */
export type Wording = "login" | "invitation" | "registration" | "registration_of_known" | "verify_email" | "verify_phone";

/** The values that sentences use. They are cleaned texts, never templates. */
export interface Values {
  readonly code: string;
  readonly appName: string;
  readonly minutes: number;
}

/** The sentences of one language. A language is one file in this folder and one line in `languages.ts`. */
export interface Texts {
  /** BCP 47, for the `lang` of a page. */
  readonly language: string;
  /** The text after the code in a subject, a first line and a heading. Code and headline together form one sentence. */
  headline(wording: Wording, values: Values): string;
  /** Says what the code does. */
  explanation(wording: Wording, values: Values): string;
  /** Says how long the code can be used. */
  validity(values: Values): string;
  /** Says what to do if the reader did not request the code. */
  warning(values: Values): string;
  /** The whole SMS: GSM-7 characters, at most 160 with a code of 10 and a name of 24 characters. The code comes first. */
  sms(wording: Wording, values: Values): string;
  /** What a call says. The digits of `code` are apart from one another here, and the text has them twice. */
  voice(wording: Wording, values: Values): string;
}
