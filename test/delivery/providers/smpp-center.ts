import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Certificate } from "../../support/tls.js";
import {
  commands,
  createPduReader,
  cString,
  type Deliver,
  deliverBody,
  encodePdu,
  type RawPdu,
  readBind,
  readPart,
  readSubmit,
  responseBit,
  type Submit,
} from "./smpp-pdu.js";

export const login = { systemId: "latchkey", password: "s3cretpw" };

export const status = {
  ok: 0,
  invalidLength: 0x01,
  invalidBindStatus: 0x04,
  systemError: 0x08,
  invalidSource: 0x0a,
  invalidDestination: 0x0b,
  bindFailed: 0x0d,
  invalidPassword: 0x0e,
  queueFull: 0x14,
  throttled: 0x58,
  temporaryApplicationError: 0x64,
} as const;

/** What the center does with one submit_sm. `status` other than 0 refuses it. */
export interface Reaction {
  readonly status?: number;
  readonly messageId?: string;
  /** Resolves when the answer may go out. Default: at once. */
  readonly answerAfter?: Promise<unknown>;
  /** `silent`: no answer. `reset`: the connection is reset instead. `noise`: bytes that are no PDU. `no-id`: a response without an id. */
  readonly instead?: "silent" | "reset" | "noise" | "no-id";
}

export interface CenterOptions {
  readonly certificate?: Certificate;
  readonly port?: number;
  readonly react?: (submit: Submit, index: number) => Reaction;
  /** The command_status of the answer to a bind with the right login. */
  readonly bindStatus?: () => number;
  readonly answersEnquiries?: boolean;
}

export interface Center {
  readonly port: number;
  readonly submits: Submit[];
  /** Every request that arrived, by its name in `commands`. */
  readonly requests: string[];
  readonly binds: ReturnType<typeof readBind>[];
  connections(): number;
  /** The most submit_sm that were without an answer at once. */
  mostUnanswered(): number;
  /** The texts that arrived, with their parts joined. */
  texts(): { readonly to: string; readonly text: string }[];
  /** Sends a request to the newest session and returns the response. */
  request(id: number, body?: Buffer): Promise<RawPdu>;
  deliver(deliver: Deliver): Promise<RawPdu>;
  /** Resolves when `isSo` is true, and rejects after 5 s. Checked after each PDU and each connection. */
  until(isSo: () => boolean): Promise<void>;
  dropAll(): void;
  stop(): Promise<void>;
}

/** A message center on loopback. */
export async function startCenter(options: CenterOptions = {}): Promise<Center> {
  const { certificate, react = () => ({}), bindStatus = () => status.ok, answersEnquiries = true } = options;
  const submits: Submit[] = [];
  const requests: string[] = [];
  const binds: ReturnType<typeof readBind>[] = [];
  const sockets = new Set<Socket>();
  const bound: Socket[] = [];
  const waiting = new Map<number, (pdu: RawPdu) => void>();
  const watchers = new Set<() => void>();
  let [connections, unanswered, mostUnanswered, sequence] = [0, 0, 0, 1000];

  const changed = (): void => {
    for (const look of [...watchers]) look();
  };

  function serve(socket: Socket): void {
    connections += 1;
    sockets.add(socket);
    socket.setNoDelay(true);
    const read = createPduReader();
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      if (bound.includes(socket)) bound.splice(bound.indexOf(socket), 1);
      changed();
    });
    socket.on("data", (chunk) => {
      for (const pdu of read(chunk)) answer(socket, pdu);
      changed();
    });
    changed();
  }

  function answer(socket: Socket, pdu: RawPdu): void {
    if (pdu.id >= responseBit) {
      waiting.get(pdu.sequence)?.(pdu);
      return;
    }
    requests.push(Object.entries(commands).find(([, id]) => id === pdu.id)?.[0] ?? String(pdu.id));
    const respond = (code: number, body: Buffer = Buffer.alloc(0)): void => {
      if (socket.writable) {
        const response = { id: pdu.id + responseBit, status: code, sequence: pdu.sequence, body };
        socket.write(encodePdu(response));
      }
    };
    switch (pdu.id) {
      case commands.bindTransceiver: {
        const bind = readBind(pdu.body);
        binds.push(bind);
        const isRight = bind.systemId === login.systemId && bind.password === login.password;
        const code = isRight ? bindStatus() : status.invalidPassword;
        if (code === status.ok) bound.push(socket);
        respond(code, code === status.ok ? cString("center") : Buffer.alloc(0));
        break;
      }
      case commands.submitSm:
        void take(socket, readSubmit(pdu.body), respond);
        break;
      case commands.enquireLink:
        if (answersEnquiries) respond(status.ok);
        break;
      case commands.unbind:
        respond(status.ok);
        socket.end();
        break;
      default:
        respond(0x03);
    }
  }

  async function take(socket: Socket, submit: Submit, respond: (code: number, body?: Buffer) => void): Promise<void> {
    const index = submits.length;
    const reaction: Reaction = react(submit, index);
    const { status: code = status.ok, messageId = `m${index}`, instead } = reaction;
    if (code === status.ok) submits.push(submit);
    unanswered += 1;
    mostUnanswered = Math.max(mostUnanswered, unanswered);
    if (reaction.answerAfter !== undefined) await reaction.answerAfter;
    unanswered -= 1;
    if (instead === "silent") return;
    if (instead === "reset") return void socket.resetAndDestroy();
    if (instead === "noise") return void socket.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    if (instead === "no-id" || code !== status.ok) return respond(code);
    respond(code, cString(messageId));
  }

  async function request(id: number, body: Buffer = Buffer.alloc(0)): Promise<RawPdu> {
    const socket = bound.at(-1);
    if (socket === undefined) throw new Error("no session is bound");
    sequence += 1;
    const mine = sequence;
    const response = new Promise<RawPdu>((resolve) => waiting.set(mine, resolve));
    socket.write(encodePdu({ id, status: 0, sequence: mine, body }));
    return response;
  }

  const listener = (socket: Socket): void => serve(socket);
  const server: Server = certificate === undefined ? createServer(listener) : createTlsServer({ ...certificate }, listener);
  if (certificate !== undefined) server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const address = server.address();

  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    submits,
    requests,
    binds,
    connections: () => connections,
    mostUnanswered: () => mostUnanswered,
    texts() {
      const open = new Map<string, string[]>();
      return submits.flatMap((submit) => {
        const { text, reference, count, index } = readPart(submit);
        const key = `${submit.destination.address} ${reference}`;
        const parts = open.get(key) ?? [];
        parts[index! - 1] = text;
        open.set(key, parts);
        if (parts.filter((part) => part !== undefined).length < count!) return [];
        open.delete(key);
        return [{ to: `+${submit.destination.address}`, text: parts.join("") }];
      });
    },
    request,
    deliver: (deliver) => request(commands.deliverSm, deliverBody(deliver)),
    until(isSo) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          watchers.delete(look);
          reject(new Error("what the test waits for did not happen within 5 s"));
        }, 5_000);
        const look = (): void => {
          if (!isSo()) return;
          clearTimeout(timer);
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      });
    },
    dropAll() {
      for (const socket of sockets) socket.destroy();
    },
    stop() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
