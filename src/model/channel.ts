import type { ContactKind } from "./contact.js";

/** The ways in which codes are delivered. */
export const channels = ["email", "sms", "whatsapp", "voice", "ussd"] as const;
export type Channel = (typeof channels)[number];

/** The channels whose messages cost money. */
export const paidChannels: readonly Channel[] = ["sms", "whatsapp", "voice", "ussd"];

/** The kind of contact that each channel delivers to. */
export const contactKindOf: Readonly<Record<Channel, ContactKind>> = {
  email: "email",
  sms: "phone",
  whatsapp: "phone",
  voice: "phone",
  ussd: "phone",
};

/** The channel that delivers to each kind of contact if the policy allows it and no other is named. */
export const channelOf: Readonly<Record<ContactKind, Channel>> = { email: "email", phone: "sms" };

/**
 * Returns the channel that delivers to a kind of contact if no other is named: the usual one if it is allowed, otherwise the first
 * allowed one that reaches it. Returns the usual one if none is allowed.
 */
export function channelAmong(allowed: readonly Channel[], kind: ContactKind): Channel {
  const usual = channelOf[kind];
  return allowed.includes(usual) ? usual : (allowed.find((channel) => contactKindOf[channel] === kind) ?? usual);
}

/** Returns whether one of the channels reaches a kind of contact. */
export function reaches(allowed: readonly Channel[], kind: ContactKind): boolean {
  return allowed.some((channel) => contactKindOf[channel] === kind);
}
