import smpp, { type PDU, type Session as Wire } from "smpp";
import { atMost } from "../../../lib/at-most.js";
import { codeOf } from "../../../lib/error-code.js";
import { type AddressRules, addressRefused, checkedLookup, mayConnectTo } from "../../../outbound/checked-lookup.js";
import { createWindow } from "./window.js";

export interface SessionOptions {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** PEM certificates to trust instead of the system's. */
  readonly ca: string | null;
  /** Whether certificates are not verified. */
  readonly insecure: boolean;
  /** For a message center that came over the network. Undefined: any address, because the operator of this machine chose it. */
  readonly addresses: AddressRules | undefined;
  readonly systemId: string;
  readonly password: { reveal(): string };
  readonly systemType: string;
  /** Maximum number of submit_sm without an answer. */
  readonly window: number;
  /** For the name, the connection, TLS and the bind together. */
  readonly connectTimeoutMs: number;
  /** For one answer. */
  readonly answerTimeoutMs: number;
  /** How often a session without traffic is checked. */
  readonly enquireMs: number;
}

/** `refused`: the bind, with its command_status. `unreachable`: with the error code of Node.js or OpenSSL. */
export type Opened =
  | { readonly kind: "bound"; readonly session: SmppSession }
  | { readonly kind: "refused"; readonly status: number }
  | { readonly kind: "unreachable"; readonly code: string };

/** `unsent`: nothing went out. `unanswered`: the message went out, and the answer is missing or makes no sense. */
export type Submitted =
  | { readonly kind: "accepted"; readonly messageId: string }
  | { readonly kind: "refused"; readonly status: number }
  | { readonly kind: "unsent"; readonly why: "closed" | "window" }
  | { readonly kind: "unanswered"; readonly why: "timeout" | "closed" | "malformed" };

/** A bound transceiver. */
export interface SmppSession {
  /** Sends submit_sm when the window has a place, within `waitMs`. Never throws. */
  submit(fields: Readonly<Record<string, unknown>>, waitMs: number): Promise<Submitted>;
  /** Waits for the answers of both sides, then unbinds and disconnects. */
  unbind(): Promise<void>;
  readonly closed: Promise<void>;
}

/** Takes a deliver_sm or data_sm. Returns whether it is done with. Otherwise the message center repeats it. */
export type TakeDelivery = (pdu: PDU) => Promise<boolean>;

type Answer = PDU | "unsent" | "timeout" | "closed";

const unbindTimeoutMs = 1_000;
/** SMPP 3.4 §5.2.23 allows 64 characters. Ids of long messages are remembered, so they must not be as long as a PDU. */
const messageIdMax = 255;
/** PDUs that are read before the rest of the process gets its turn. Decoding takes longer for large ones, so 1 KiB counts as one more. */
const turnMax = 100;
/** Deliveries that are served at a time. */
const deliveriesMax = 2_000;
/** Octets that wait for a peer that does not read them. */
const unreadMax = 256 * 1024;

/** Connects and binds as a transceiver (SMPP 3.4 §2.2.3). Never throws. */
export async function openSession(options: SessionOptions, take: TakeDelivery): Promise<Opened> {
  const { host, addresses } = options;
  if (addresses !== undefined && !mayConnectTo(host, addresses)) return { kind: "unreachable", code: addressRefused };
  const wire = smpp.connect(connectOptions(options));
  const connection = createConnection(wire, options, take);
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<"timeout">((resolve) => {
    timer = setTimeout(() => resolve("timeout"), options.connectTimeoutMs);
  });
  const answer = await Promise.race([connection.bind(), timeout]);
  clearTimeout(timer);
  if (typeof answer === "string" || answer.command !== "bind_transceiver_resp" || answer.command_status !== 0) {
    wire.destroy();
    if (typeof answer !== "string" && answer.command_status !== 0) return { kind: "refused", status: answer.command_status };
    return { kind: "unreachable", code: answer === "timeout" ? "ETIMEDOUT" : connection.errorCode() || "ECONNRESET" };
  }
  connection.watch();
  return { kind: "bound", session: connection.session };
}

function connectOptions({ host, port, secure, ca, insecure, addresses }: SessionOptions) {
  const tls = { tls: true, rejectUnauthorized: !insecure, minVersion: "TLSv1.2", ...(ca === null ? {} : { ca }) };
  const lookup = addresses === undefined ? {} : { lookup: checkedLookup(addresses) };
  return { host, port, noDelay: true, ...lookup, ...(secure ? tls : {}) };
}

function createConnection(wire: Wire, options: SessionOptions, take: TakeDelivery) {
  const window = createWindow(options.window);
  const pending = new Map<number, (answer: Answer) => void>();
  const running = new Set<Promise<unknown>>();
  let errorCode = "";
  let heardAt = 0;
  let isOpen = true;
  let isUnbinding = false;
  let inTurn = 0;
  let delivering = 0;
  let enquiring: NodeJS.Timeout | undefined;

  const connected = new Promise<void>((resolve) => wire.once(options.secure ? "secureConnect" : "connect", resolve));
  const closed = new Promise<void>((resolve) => {
    wire.on("close", () => {
      isOpen = false;
      clearInterval(enquiring);
      window.close();
      for (const settle of [...pending.values()]) settle("closed");
      resolve();
    });
  });
  wire.on("error", (error: unknown) => {
    errorCode ||= codeOf(error);
    // The library reads nothing more after an error.
    wire.destroy();
  });
  wire.on("pdu", (pdu: PDU) => {
    heardAt = performance.now();
    if (pdu.isResponse()) pending.get(pdu.sequence_number)?.(pdu);
    else serve(pdu);
    inTurn += 1 + Math.floor(Number(pdu.command_length) / 1024);
    if (inTurn < turnMax && mayRead()) return;
    wire.pause();
    setImmediate(readOn);
  });
  wire.socket.on("drain", readOn);

  /** A message center that floods takes neither all time nor all memory: the network then holds it back. */
  function mayRead(): boolean {
    return delivering < deliveriesMax && wire.socket.writableLength < unreadMax;
  }

  function readOn(): void {
    inTurn = 0;
    if (isOpen && mayRead()) wire.resume();
  }

  /** The library's callbacks are not used: it never forgets those of requests without an answer. */
  function request(pdu: PDU, timeoutMs: number): Promise<Answer> {
    return new Promise((resolve) => {
      if (!isOpen || !wrote(wire, pdu)) return resolve("unsent");
      const timer = setTimeout(() => settle("timeout"), timeoutMs);
      const settle = (answer: Answer): void => {
        clearTimeout(timer);
        pending.delete(pdu.sequence_number);
        resolve(answer);
      };
      pending.set(pdu.sequence_number, settle);
    });
  }

  function serve(pdu: PDU): void {
    switch (pdu.command) {
      case "deliver_sm":
      case "data_sm":
        void track(acknowledge(pdu));
        return;
      case "enquire_link":
      case "unknown":
        wrote(wire, pdu.response());
        return;
      case "unbind":
        isUnbinding = true;
        window.close();
        wrote(wire, pdu.response());
        wire.socket.end();
        return;
    }
  }

  async function acknowledge(pdu: PDU): Promise<void> {
    delivering += 1;
    const isDone = await take(pdu).catch(() => false);
    delivering -= 1;
    if (delivering === deliveriesMax - 1) readOn();
    wrote(wire, pdu.response(isDone ? {} : { command_status: smpp.errors.ESME_RX_T_APPN }));
  }

  async function submit(fields: Readonly<Record<string, unknown>>, waitMs: number): Promise<Submitted> {
    if (isUnbinding || !isOpen) return { kind: "unsent", why: "closed" };
    if (!(await window.enter(waitMs))) return { kind: "unsent", why: isOpen && !isUnbinding ? "window" : "closed" };
    const answer = await request(new smpp.PDU("submit_sm", fields), options.answerTimeoutMs);
    window.leave();
    // The message center lost the bind, so only a new session helps.
    if (typeof answer !== "string" && answer.command_status === smpp.errors.ESME_RINVBNDSTS) wire.destroy();
    return submitted(answer);
  }

  function track<T>(promise: Promise<T>): Promise<T> {
    running.add(promise);
    return promise.finally(() => running.delete(promise));
  }

  async function enquire(): Promise<void> {
    if (performance.now() - heardAt < options.enquireMs) return;
    const answer = await request(new smpp.PDU("enquire_link"), options.answerTimeoutMs);
    if (answer === "timeout") wire.destroy();
  }

  const session: SmppSession = {
    submit: (fields, waitMs) => track(submit(fields, waitMs)),
    async unbind() {
      isUnbinding = true;
      window.close();
      await atMost(options.answerTimeoutMs, Promise.allSettled([...running]));
      await request(new smpp.PDU("unbind"), unbindTimeoutMs);
      wire.destroy();
      await closed;
    },
    closed,
  };

  return {
    session,
    errorCode: () => errorCode,
    async bind(): Promise<Answer> {
      const isConnected = await Promise.race([connected.then(() => true), closed.then(() => false)]);
      if (!isConnected) return "closed";
      const { systemId: system_id, systemType: system_type } = options;
      const fields = { system_id, password: options.password.reveal(), system_type, interface_version: 0x34 };
      return request(new smpp.PDU("bind_transceiver", fields), options.connectTimeoutMs);
    },
    watch() {
      if (isOpen) enquiring = setInterval(() => void enquire(), options.enquireMs);
    },
  };
}

/** Returns whether a PDU was handed to the socket. */
function wrote(wire: Wire, pdu: PDU): boolean {
  try {
    return wire.send(pdu);
  } catch {
    return false;
  }
}

function submitted(answer: Answer): Submitted {
  if (answer === "unsent") return { kind: "unsent", why: "closed" };
  if (typeof answer === "string") return { kind: "unanswered", why: answer };
  if (answer.command_status !== 0) return { kind: "refused", status: answer.command_status };
  const { message_id: messageId } = answer;
  const isId = typeof messageId === "string" && messageId !== "" && messageId.length <= messageIdMax;
  return isId && answer.command === "submit_sm_resp"
    ? { kind: "accepted", messageId }
    : { kind: "unanswered", why: "malformed" };
}
