import type { Channel } from "./channel.js";

/** What a code is for, from the recipient's point of view. */
export const wordings = [
  "login",
  "invitation",
  "registration",
  "registration_of_known",
  "verify_email",
  "verify_phone",
] as const;
export type Wording = (typeof wordings)[number];

/** How the messages of an app look and what they say. Empty texts: the default of Latchkey or of the carrier. */
export interface AppWording {
  /** The name that mails come from. Empty: the app's own name, or that of the carrier's settings if it has none. */
  readonly senderName: string;
  /** `#rrggbb`, of the mails. Empty: none. */
  readonly accentColor: string;
  /** The hosts that texts may link to. */
  readonly linkHosts: readonly string[];
  /** The senders that a call may ask for. */
  readonly senderIds: readonly string[];
  readonly autofill: Autofill;
  /** At most one for a channel, wording and locale. */
  readonly texts: readonly AppText[];
}

/** What lets a browser or an Android app read the code from an SMS. */
export interface Autofill {
  /** The host of the page that may read it, of the line `@host #code`. Empty: no such line. */
  readonly webHost: string;
  /** The 11 characters that Google's SMS Retriever names the app by. Empty: none. */
  readonly androidHash: string;
}

/** A text of an app instead of the one that Latchkey has. */
export interface AppText {
  readonly channel: Channel;
  /** Empty: for all that have no text of their own. */
  readonly wording: Wording | "";
  /** A BCP 47 tag. Empty: for all that have no text of their own. */
  readonly locale: string;
  /** Of a mail. Empty: as without the text. */
  readonly subject: string;
  /** With the placeholders `{otp}`, `{app}` and `{minutes}`. */
  readonly text: string;
}

/** The words that a call gives for its messages. They are kept with its challenge, so that a resend has them too. */
export interface MessageWords {
  /** A text as of `AppText`. */
  readonly customMessage?: string;
  /** Of a mail. */
  readonly subject?: string;
  /** One of the app's `senderIds`. */
  readonly senderId?: string;
}

export const noWording: AppWording = {
  senderName: "",
  accentColor: "",
  linkHosts: [],
  senderIds: [],
  autofill: { webHost: "", androidHash: "" },
  texts: [],
};
