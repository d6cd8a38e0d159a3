/** What the code is for, in the words of the person who gets it. */
export type Wording = "login" | "registration" | "registration_of_known" | "verify_email" | "verify_phone";

/** Everything that a sentence may need. All of it is text already cleaned, never a template. */
export interface Values {
  readonly code: string;
  readonly appName: string;
  readonly minutes: number;
}

/** The sentences of one language. A language is one file beside this one and one line in `languages.ts`. */
export interface Texts {
  /** BCP 47, for the `lang` of a page. */
  readonly language: string;
  /** What follows the code in a subject, a first line and a heading: code and headline together are one sentence. */
  headline(wording: Wording, values: Values): string;
  /** What the code does. */
  explanation(wording: Wording, values: Values): string;
  /** How long it can be used. */
  validity(values: Values): string;
  /** What to do when one did not ask for it. */
  warning(values: Values): string;
  /** All of it in one SMS: GSM-7 characters, at most 160 with a code of 10 and a name of 24 characters. The code comes first. */
  sms(wording: Wording, values: Values): string;
}
