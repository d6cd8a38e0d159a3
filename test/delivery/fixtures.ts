import type { Delivery, DeliveryLog, MessageApp } from "../../src/delivery/deliver.js";
import type { DeliveryResult, Message, Provider } from "../../src/delivery/provider.js";
import { type RenderInput, renderMessage } from "../../src/delivery/render.js";
import { type Channel, contactKindOf } from "../../src/model/channel.js";
import { noWording } from "../../src/model/wording.js";

export const code = "048213";

/** The look of an app that decides nothing. */
export const look: MessageApp = {
  brand: { appName: "Latchkey", logoUrl: "", accentColor: "", supportAddress: "" },
  texts: [],
  senderName: "",
  autofill: noWording.autofill,
};

export function renderInput({ appName, ...change }: Change = {}): RenderInput {
  return {
    purpose: "login",
    channel: "email",
    code,
    locale: "en",
    hasUser: true,
    invited: false,
    expiresInMinutes: 5,
    ...look,
    words: null,
    notMeUrl: null,
    to: { kind: "email", value: "ada@example.com" },
    challengeId: "challenge-1",
    sendKey: "5e4d",
    expiresAt: Date.parse("2026-01-05T10:05:00Z"),
    ...(appName !== undefined && { brand: { ...look.brand, appName } }),
    ...change,
  };
}

type Change = Partial<RenderInput> & { readonly appName?: string };

export function message(channel: Channel, change: Change = {}): Message {
  const to =
    contactKindOf[channel] === "phone"
      ? { kind: "phone" as const, value: "+14155550132" }
      : { kind: "email" as const, value: "ada@example.com" };
  return renderMessage(renderInput({ channel, to, ...change }));
}

export function delivery(change: Partial<Delivery> = {}): Delivery {
  return {
    challengeId: "challenge-1",
    poolId: "main",
    appId: "default",
    userId: null,
    clientId: "default-web",
    purpose: "login",
    channel: "email",
    contact: { kind: "email", value: "ada@example.com" },
    isTest: false,
    locale: "en",
    words: null,
    sealedCode: Buffer.from(code),
    expiresAt: Date.parse("2026-01-05T10:05:00Z"),
    hasUser: true,
    invited: false,
    notice: null,
    ...change,
  };
}

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export function createFakeLog(): DeliveryLog & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: LogLine["level"]) => (fields: LogLine["fields"], text: string) =>
    void lines.push({ level, fields, message: text });
  return { lines, info: at("info"), warn: at("warn"), error: at("error") };
}

export interface FakeProvider extends Provider {
  readonly taken: Message[];
  /** Answers of the coming tries, in order; then everything is sent. */
  readonly answers: (DeliveryResult | Error | Promise<DeliveryResult>)[];
}

export function createFakeProvider(name = "fake", channels: readonly Channel[] = ["email", "sms"]): FakeProvider {
  const taken: Message[] = [];
  const answers: FakeProvider["answers"] = [];
  return {
    name,
    channels,
    taken,
    answers,
    async send(sent) {
      taken.push(sent);
      const answer = await (answers.shift() ?? { kind: "sent" as const, detail: "ok" });
      if (answer instanceof Error) throw answer;
      return answer;
    },
    async close() {},
  };
}
