import { createTransport } from "nodemailer";
import { isLoopback } from "../lib/listen.js";
import type { CheckedProvider, Message } from "./channel.js";
import { replyStatus, resultOfFailure } from "./smtp-result.js";

export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (port 465). Certificates are always verified, here and after STARTTLS. */
  readonly secure: boolean;
  /** Null: no login. */
  readonly user: string | null;
  readonly password: { reveal(): string } | null;
  readonly from: { readonly name: string; readonly address: string };
  /** `optional` means required where there is a login to lose: who strips STARTTLS would read the password. */
  readonly starttls: "required" | "optional" | "never";
  /** Certificates in PEM to trust instead of the system's. */
  readonly ca?: string;
  /** Connections at most, opened as they are needed; 50 by default. */
  readonly connectionsMax?: number;
  /** To connect (name lookup, greeting and STARTTLS included), for one answer, for the whole; at most 30 s each. */
  readonly connectTimeoutMs?: number;
  readonly answerTimeoutMs?: number;
  readonly sendTimeoutMs?: number;
}

const timeoutMaxMs = 30_000;
const idleMs = 15_000;

// What canonical addresses look like. Nothing else is handed to the mail library, so nothing in it can end a line or add a recipient.
const addressPattern = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[a-z0-9.-]{1,255}$/;
const senderPattern = new RegExp(addressPattern, "i");

/** Hands e-mail to a mail server over a few connections that are kept while they are busy. */
export function createSmtpProvider(options: SmtpOptions): CheckedProvider {
  const transport = createTransport({ ...transportOptions(options), pool: true });
  const from = checkedSender(options.from);
  const sendTimeoutMs = capped(options.sendTimeoutMs ?? timeoutMaxMs);
  return {
    name: "smtp",
    channels: ["email"],
    async send(message) {
      if (!addressPattern.test(message.to.value))
        return { kind: "permanent", detail: "not an address that mail can be sent to" };
      try {
        const signal = AbortSignal.timeout(sendTimeoutMs);
        const info = await transport.sendMail({ ...mailOf(message, from), signal });
        return { kind: "sent", detail: replyStatus(info) ?? "accepted" };
      } catch (error) {
        return resultOfFailure(error);
      }
    },
    async check() {
      try {
        await transport.verify();
        return null;
      } catch (error) {
        return resultOfFailure(error).detail;
      }
    },
    async close() {
      transport.close();
    },
  };
}

function transportOptions(options: SmtpOptions) {
  const { host, port, secure, user, password, ca, starttls } = options;
  const connectTimeoutMs = capped(options.connectTimeoutMs ?? 10_000);
  const strippable = user !== null && !isLoopback(host);
  return {
    host,
    port,
    secure,
    requireTLS: !secure && (starttls === "required" || (starttls === "optional" && strippable)),
    ignoreTLS: !secure && starttls === "never",
    // Without it a server that offers no login is handed the mail as if none were configured.
    ...(user === null ? {} : { auth: { user, pass: password?.reveal() ?? "" }, forceAuth: true }),
    tls: { rejectUnauthorized: true, minVersion: "TLSv1.2" as const, ...(ca === undefined ? {} : { ca }) },
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    dnsTimeout: connectTimeoutMs,
    socketTimeout: capped(options.answerTimeoutMs ?? 20_000),
    idleTimeout: idleMs,
    maxConnections: options.connectionsMax ?? 50,
    // The outbox tries again; here only for a kept connection that the server has closed meanwhile.
    maxRequeues: 1,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

type Sender = SmtpOptions["from"];

function checkedSender({ name, address }: Sender): Sender {
  if (!senderPattern.test(address)) throw new Error("the sender of e-mail must be one plain address");
  return { name: name.replace(/\p{C}/gu, " ").trim(), address };
}

function mailOf(message: Message, from: Sender) {
  const domain = from.address.slice(from.address.lastIndexOf("@") + 1);
  return {
    from,
    to: { name: "", address: message.to.value },
    envelope: { from: from.address, to: [message.to.value] },
    subject: message.subject,
    text: message.text,
    html: message.html,
    messageId: `<${message.sendKey}@${domain}>`,
    headers: { "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All" },
  };
}

function capped(timeoutMs: number): number {
  return Math.min(timeoutMs, timeoutMaxMs);
}
