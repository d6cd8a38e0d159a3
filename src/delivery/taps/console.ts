import { type Channel, channels } from "../../model/channel.js";
import type { Message, Provider } from "../provider.js";

const names: Record<Channel, string> = {
  email: "e-mail",
  sms: "SMS",
  whatsapp: "WhatsApp",
  voice: "voice call",
  ussd: "USSD",
};

/** Shows every code on the terminal. For development only: `server/start-delivery.ts` never uses it in production. */
export function createConsoleProvider(write: (text: string) => void): Provider {
  return {
    name: "console",
    channels,
    async send(message) {
      write(boxed(message));
      return { kind: "sent", detail: "shown" };
    },
    async close() {},
  };
}

function boxed(message: Message): string {
  const line = ` ${message.code || "notice"}   ${names[message.channel]} to ${message.to.value} `.replace(/\p{C}/gu, " ");
  const edge = "─".repeat(line.length);
  return `┌${edge}┐\n│${line}│\n└${edge}┘\n`;
}
