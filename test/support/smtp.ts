import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { type ParsedMail, simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";
import type { Certificate } from "./tls.js";

export interface ReceivedMail {
  /** Who it was sent to, whatever its headers say. */
  readonly recipients: readonly string[];
  readonly sender: string;
  readonly encrypted: boolean;
  readonly user: string | undefined;
  readonly raw: string;
  readonly parsed: ParsedMail;
}

export interface MailServerOptions {
  /** Any free one by default. */
  readonly port?: number;
  /** Offered by STARTTLS, or from the first byte if `implicitTls`. Without one there is no TLS. */
  readonly certificate?: Certificate;
  readonly implicitTls?: boolean;
  readonly login?: { readonly user: string; readonly password: string };
  /** Asked for every command; a reply such as `550 5.1.1 No such user` refuses it. */
  readonly refuse?: (command: "MAIL" | "RCPT" | "DATA", address: string) => string | undefined;
  /** Asked for every message; one that is held is never answered, neither accepted nor refused. */
  readonly hold?: (address: string) => boolean;
  /** How long every message is looked at before it is accepted. */
  readonly delayMs?: number;
}

export interface MailServer {
  readonly port: number;
  readonly mails: ReceivedMail[];
  connections(): number;
  /** Of these, how many are still open. */
  openConnections(): number;
  stop(): Promise<void>;
}

/** A real mail server on loopback that keeps what it is given. */
export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  let connections = 0;
  let open = 0;
  const server = new SMTPServer({
    ...options.certificate,
    secure: options.implicitTls ?? false,
    disabledCommands: [...(options.certificate ? [] : ["STARTTLS"]), ...(options.login ? [] : ["AUTH"])],
    authOptional: options.login === undefined,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect(_session, done) {
      connections += 1;
      open += 1;
      done();
    },
    onClose() {
      open -= 1;
    },
    onAuth({ username, password }, _session, done) {
      if (username === options.login?.user && password === options.login?.password) done(null, { user: username });
      else done(replyError("535 5.7.8 Authentication failed"));
    },
    onMailFrom({ address }, _session, done) {
      done(replyError(options.refuse?.("MAIL", address)));
    },
    onRcptTo({ address }, _session, done) {
      done(replyError(options.refuse?.("RCPT", address)));
    },
    onData(stream, session, done) {
      void receive();
      async function receive() {
        const raw = await buffer(stream);
        const { mailFrom, rcptTo } = session.envelope;
        if (options.hold?.(rcptTo[0]?.address ?? "")) return;
        const refused = options.refuse?.("DATA", rcptTo[0]?.address ?? "");
        if (options.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.delayMs));
        if (refused === undefined) {
          mails.push({
            recipients: rcptTo.map(({ address }) => address),
            sender: mailFrom === false ? "" : mailFrom.address,
            encrypted: session.secure,
            user: session.user,
            raw: raw.toString(),
            parsed: await simpleParser(raw),
          });
        }
        done(replyError(refused));
      }
    },
  });
  server.on("error", () => {}); // clients of these tests break off handshakes on purpose
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    connections: () => connections,
    openConnections: () => open,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function replyError(reply: string | undefined): Error | null {
  return reply === undefined ? null : Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) });
}
