import type { Channel } from "../model/channel.js";
import type { Contact } from "../model/contact.js";

/** A code rendered for a person. `text` is the whole message for SMS; e-mail also has a subject and an HTML form. */
export interface Message {
  readonly challengeId: string;
  /**
   * The same for all tries of one send, and different for every other send. It reveals nothing about the challenge. Carriers
   * recognize a repeated try by it, as the Message-ID of a mail, so a send that was tried twice may still arrive once.
   */
  readonly sendKey: string;
  readonly channel: Channel;
  readonly to: Contact;
  readonly code: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/**
 * The result of one try. `temporary`: the provider asks to send this message later. `unavailable`: the provider can't be used
 * now for any message, so an operator should look. Both are worth another try; `permanent` is not. `detail` is for the log and
 * never contains the code, the destination or a secret.
 */
export type DeliveryResult =
  | { readonly kind: "sent"; readonly detail: string }
  | { readonly kind: "temporary"; readonly detail: string }
  | { readonly kind: "unavailable"; readonly detail: string }
  | { readonly kind: "permanent"; readonly detail: string };

/** A company or server that carries messages. It never throws and gives up after its own time-outs, at most 30 s. */
export interface Provider {
  /** A short lower-case word for logs and metrics. */
  readonly name: string;
  readonly channels: readonly Channel[];
  send(message: Message): Promise<DeliveryResult>;
  /** Ends idle connections. A running send may finish first. */
  close(): Promise<void>;
}

/** A provider that can be checked without sending. */
export interface CheckedProvider extends Provider {
  /** Connects and logs in. Returns what is wrong and what to do, or null if messages can be sent. Never throws. */
  check(): Promise<string | null>;
}
