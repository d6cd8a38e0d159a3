import type { Socket } from "node:net";
import { createTransport } from "nodemailer";
import { isLoopback } from "../../lib/listen.js";
import type { AddressRules } from "../../outbound/checked-lookup.js";
import { type ConnectTo, connectByRules } from "../../outbound/connect.js";
import { isEmail, isSender } from "../destination.js";
import type { CheckedProvider, Message } from "../provider.js";
import { hasBegun, type Watched, watchBodies } from "./smtp-body.js";
import { queueIdOf, replyStatus, resultOfFailure } from "./smtp-result.js";

export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  /** Whether the connection uses TLS from the start (port 465). Certificates are always verified, here and after STARTTLS. */
  readonly secure: boolean;
  /** Null if the server needs no login. */
  readonly user: string | null;
  readonly password: { reveal(): string } | null;
  readonly from: { readonly name: string; readonly address: string };
  /** `optional` means required if there is a login, because an attacker that strips STARTTLS could read the password. */
  readonly starttls: "required" | "optional" | "never";
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | null;
  /** Accepts any certificate. For development only. */
  readonly insecure?: boolean;
  /** Signs each message (RFC 6376, rsa-sha256, relaxed/relaxed). */
  readonly dkim?: {
    readonly domain: string;
    readonly selector: string;
    /** PEM: a private RSA key. */
    readonly key: { reveal(): string };
  } | null;
  /** For a server that came over the network. Left out: any address, because the operator of this machine chose it. */
  readonly addresses?: AddressRules | undefined;
  /** Maximum number of connections, opened as needed. Default: 50. */
  readonly connectionsMax?: number;
  /**
   * Time limits for connecting (with name lookup, greeting and STARTTLS), for one answer, and for the whole send. At most 30 s
   * each.
   */
  readonly connectTimeoutMs?: number;
  readonly answerTimeoutMs?: number;
  readonly sendTimeoutMs?: number;
}

const timeoutMaxMs = 30_000;
const idleMs = 15_000;

/** Sends e-mail through a mail server. Keeps a few connections open while they are in use. */
export function createSmtpProvider(options: SmtpOptions): CheckedProvider {
  const transport = createTransport({ ...transportOptions(options), pool: true });
  watchBodies(transport);
  const from = checkedSender(options.from);
  const sendTimeoutMs = capped(options.sendTimeoutMs ?? timeoutMaxMs);
  const url = options.addresses === undefined ? undefined : "its URL";
  return {
    name: "smtp",
    channels: ["email"],
    async send(message) {
      if (!isEmail(message.to.value)) return { kind: "permanent", detail: "not an address that mail can be sent to" };
      const mail = { ...mailOf(message, from), bodies: [] } satisfies Watched;
      try {
        const info = await transport.sendMail({ ...mail, signal: AbortSignal.timeout(sendTimeoutMs) });
        const providerMessageId = info.serverMessageId ?? queueIdOf(info) ?? mail.messageId;
        return { kind: "sent", detail: replyStatus(info) ?? "accepted", providerMessageId };
      } catch (error) {
        return resultOfFailure(error, hasBegun(mail), url);
      }
    },
    async check() {
      try {
        await transport.verify();
        return null;
      } catch (error) {
        return resultOfFailure(error, false, url).detail;
      }
    },
    async close() {
      transport.close();
    },
  };
}

function transportOptions(options: SmtpOptions) {
  const { host, port, secure, user, password, ca, insecure, dkim, starttls, addresses } = options;
  const connectTimeoutMs = capped(options.connectTimeoutMs ?? 10_000);
  const strippable = user !== null && !isLoopback(host);
  return {
    host,
    port,
    secure,
    requireTLS: !secure && (starttls === "required" || (starttls === "optional" && strippable)),
    ignoreTLS: !secure && starttls === "never",
    // Without forceAuth, a server that offers no login would receive the mail without one.
    ...(user === null ? {} : { auth: { user, pass: password?.reveal() ?? "" }, forceAuth: true }),
    tls: { rejectUnauthorized: insecure !== true, minVersion: "TLSv1.2" as const, ...(typeof ca === "string" ? { ca } : {}) },
    ...(dkim ? { dkim: { domainName: dkim.domain, keySelector: dkim.selector, privateKey: dkim.key.reveal() } } : {}),
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    dnsTimeout: connectTimeoutMs,
    socketTimeout: capped(options.answerTimeoutMs ?? 20_000),
    idleTimeout: idleMs,
    maxConnections: options.connectionsMax ?? 50,
    // The outbox retries. The library retries only when the server has closed a kept connection in the meantime.
    maxRequeues: 1,
    disableFileAccess: true,
    disableUrlAccess: true,
    // The library looks names up by itself. A socket that is given to it is connected already, and it begins TLS on it.
    ...(addresses === undefined ? {} : { getSocket: socketSource({ host, port, timeoutMs: connectTimeoutMs }, addresses) }),
  };
}

type Give = (error: Error | null, opened?: { readonly connection: Socket }) => void;

function socketSource(to: ConnectTo, addresses: AddressRules) {
  return (_options: unknown, give: Give): void => {
    connectByRules(to, addresses).then((connection) => give(null, { connection }), give);
  };
}

type Sender = SmtpOptions["from"];

function checkedSender({ name, address }: Sender): Sender {
  if (!isSender(address)) throw new Error("the sender of e-mail must be one plain address");
  return { name: name.replace(/\p{C}/gu, " ").trim(), address };
}

function mailOf(message: Message, from: Sender) {
  const domain = from.address.slice(from.address.lastIndexOf("@") + 1);
  return {
    from: message.senderName === "" ? from : { ...from, name: message.senderName },
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
