import type { Channel } from "../model/channel.js";
import type { Contact } from "../model/contact.js";

/** A code on its way, rendered for a person. `text` is the whole message for SMS; e-mail has a subject and an HTML form as well. */
export interface Message {
  readonly challengeId: string;
  /**
   * Equal for all tries of one send and for nothing else, and tells nothing about the challenge: what a carrier recognises a
   * repeated try by (the Message-ID of a mail), so that a send that was tried twice may still arrive once.
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
 * What became of one try. `temporary`: the provider asked to come later with this message. `unavailable`: the provider itself can't
 * be used now, whatever the message, so an operator should look. Both are worth another try; `permanent` is not. `detail` is for
 * the log: never the code, the destination or a secret.
 */
export type DeliveryResult =
  | { readonly kind: "sent"; readonly detail: string }
  | { readonly kind: "temporary"; readonly detail: string }
  | { readonly kind: "unavailable"; readonly detail: string }
  | { readonly kind: "permanent"; readonly detail: string };

/** A company or server that carries messages. It never throws; it gives up by itself after its time-outs, at most 30 s. */
export interface Provider {
  /** Short lower-case word for logs and metrics. */
  readonly name: string;
  readonly channels: readonly Channel[];
  send(message: Message): Promise<DeliveryResult>;
  /** Ends idle connections; a send that is under way may finish first. */
  close(): Promise<void>;
}

/** A provider that can be tried without sending. */
export interface CheckedProvider extends Provider {
  /** Connects and logs in. Returns what is wrong and what to do, or null if messages can be sent. It never throws. */
  check(): Promise<string | null>;
}
