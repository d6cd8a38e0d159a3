import type { ContactKind } from "./contact.js";

/** The ways in which codes are delivered. */
export const channels = ["email", "sms", "whatsapp", "voice", "ussd"] as const;
export type Channel = (typeof channels)[number];

/** The kind of contact that each channel delivers to. */
export const contactKindOf: Readonly<Record<Channel, ContactKind>> = {
  email: "email",
  sms: "phone",
  whatsapp: "phone",
  voice: "phone",
  ussd: "phone",
};

/** The channel that delivers to each kind of contact if no other is named. */
export const channelOf: Readonly<Record<ContactKind, Channel>> = { email: "email", phone: "sms" };
