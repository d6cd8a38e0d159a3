import type { Channel } from "../model/channel.js";
import type { Contact } from "../model/contact.js";
import type { MessageStatus, Price } from "../model/message.js";
import type { EpochMs } from "../model/time.js";

/** A code rendered for a person. `text` is the whole message; e-mail also has a subject and an HTML
 * form. For a call it is what the voice says: the digits of the code apart from one another, and all twice. */
export interface Message {
  readonly challengeId: string;
  /**
   * The same for all tries of one send, and different for every other send. It reveals nothing about the challenge. Carriers
   * recognize a repeated try by it, as the Message-ID of a mail, so a send that was tried twice may still arrive once. Reports
   * name the message by it.
   */
  readonly sendKey: string;
  readonly channel: Channel;
  readonly to: Contact;
  readonly code: string;
  /** The sender of an SMS that the call asks for or its route names. Null: that of the carrier's settings. */
  readonly senderId: string | null;
  /** The name that a mail comes from. Empty: that of the carrier's settings. */
  readonly senderName: string;
  /** A BCP 47 tag: the language of the texts. */
  readonly locale: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** No carrier may hand the message over after this time. */
  readonly expiresAt: EpochMs;
}

/** What a carrier says about a message that it took. Null or left out: unknown. */
export interface Receipt {
  readonly providerMessageId?: string | null;
  readonly segments?: number | null;
  readonly price?: Price | null;
}

/**
 * The result of one try. `sent`: the carrier took the message. `temporary`: the carrier asks to send this message later.
 * `unavailable`: the carrier can't be used now, so an operator should look; `isMisconfigured` if it refuses all messages until its
 * settings change, such as the credentials; `refusesSender` if it refuses the sender or template, which it may accept for other
 * destinations, such as those in another country. `permanent`: the carrier refuses this message or recipient for good. `unknown`: the
 * connection broke or timed out after the request went out, so the carrier perhaps took the message. `detail` is for the log and
 * operators, at most 200 characters, and never contains the code, the destination or a secret.
 */
export type DeliveryResult =
  | ({ readonly kind: "sent"; readonly detail: string } & Receipt)
  | { readonly kind: "temporary"; readonly detail: string; readonly retryAfterMs?: number }
  | {
      readonly kind: "unavailable";
      readonly detail: string;
      readonly isMisconfigured?: boolean;
      readonly refusesSender?: boolean;
      readonly retryAfterMs?: number;
    }
  | { readonly kind: "permanent"; readonly detail: string }
  | { readonly kind: "unknown"; readonly detail: string };

export type DeliveryFailure = Exclude<DeliveryResult, { readonly kind: "sent" }>;

/**
 * A company or server that carries messages. It never throws and gives up after its own time-outs, at most 30 s. A send that has no
 * result after 35 s counts as `unknown`, and its result is ignored.
 */
export interface Provider {
  /**
   * Lower-case letters, digits and hyphens, for logs and the path of reports. Unique in a deployment. That of an app's carrier begins
   * with the app's id and a slash.
   */
  readonly name: string;
  /** What metrics and spans call it, because apps choose names without limit. Left out: its name. */
  readonly label?: string;
  readonly channels: readonly Channel[];
  send(message: Message): Promise<DeliveryResult>;
  /** Ends idle connections. A running send may finish first. */
  close(): Promise<void>;
  /** Connects and logs in without sending. Returns what is wrong and what to do, or null if messages can be sent. Never throws. */
  check?(): Promise<string | null>;
  /** Reads what the carrier posted to `/delivery/reports/<name>`. Never throws. */
  readReports?(request: ReportRequest): Promise<ReadReports>;
  /** Calls `take` for reports that arrive over the provider's own connection. */
  onReports?(take: (reports: readonly DeliveryReport[]) => Promise<void>): void;
}

/** A provider that can be checked without sending. */
export type CheckedProvider = Provider & Required<Pick<Provider, "check">>;

/** A request of a carrier, as it arrived. */
export interface ReportRequest {
  readonly method: string;
  /** The public URL that the carrier called, with its query. */
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly now: EpochMs;
}

/** `forged`: the signature or credential is missing or wrong, or too old. `malformed`: authentic, but can't be understood. */
export type ReadReports =
  | { readonly kind: "reports"; readonly reports: readonly DeliveryReport[] }
  | { readonly kind: "forged" }
  | { readonly kind: "malformed" };

/** What a carrier reports about a message. At least one of `sendKey` and `providerMessageId` is given. */
export interface DeliveryReport extends Receipt {
  readonly sendKey?: string;
  readonly status: Extract<MessageStatus, "sent" | "delivered" | "undelivered" | "failed" | "expired">;
  /** At most 200 characters. Empty: unknown. */
  readonly cause: string;
}
