import type { ContactKind } from "./contact.js";

/** The way a code is delivered. */
export type Channel = "email" | "sms";

/** The kind of contact that each channel delivers to. */
export const contactKindOf: Readonly<Record<Channel, ContactKind>> = { email: "email", sms: "phone" };

/** The channel that delivers to each kind of contact. */
export const channelOf: Readonly<Record<ContactKind, Channel>> = { email: "email", phone: "sms" };
