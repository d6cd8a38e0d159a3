/** How the mails of an app look. Empty texts: none. */
export interface Brand {
  readonly appName: string;
  /** An https URL. */
  readonly logoUrl: string;
  /** `#rrggbb`. */
  readonly accentColor: string;
  /** An e-mail address or an https URL. */
  readonly supportAddress: string;
}

/** What a mail says, in the order in which it says it. The values are plain text, for which HTML has to escape. */
export interface MailParts {
  /** BCP 47: the language of all sentences. */
  readonly language: string;
  readonly direction: "ltr" | "rtl";
  readonly subject: string;
  /** Empty in a notice. */
  readonly code: string;
  /** Forms one sentence with the code before it. Empty: the app's own text, which `explanation` is, says it all. */
  readonly headline: string;
  /** May have line breaks if it is the app's own text. */
  readonly explanation: string;
  /** How long the code can be used. Empty: the app's own text says it. */
  readonly validity: string;
  /** Empty in a notice. */
  readonly warning: string;
  /** A link for a reader who did not request the code or the change. Null: none. */
  readonly notMe: { readonly sentence: string; readonly label: string; readonly url: string } | null;
  readonly brand: Brand;
}
