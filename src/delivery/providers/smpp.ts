import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { PDU } from "smpp";
import type { EpochMs } from "../../model/time.js";
import type { AddressRules } from "../../outbound/checked-lookup.js";
import { isPhone } from "../destination.js";
import type { CheckedProvider, DeliveryReport, DeliveryResult, Message } from "../provider.js";
import { createParts } from "./parts.js";
import { createLink } from "./smpp/link.js";
import { createPace } from "./smpp/pace.js";
import { comparableIds, type ReceiptIdForm, readReceipt } from "./smpp/receipts.js";
import { segmentsOf } from "./smpp/segments.js";
import { type Opened, openSession, type SmppSession, type Submitted } from "./smpp/session.js";
import { resultOfBindRefusal, resultOfNoConnection, resultOfRefusal } from "./smpp/status.js";

/** Type and plan of a number: SMPP 3.4 §5.2.5 and §5.2.6. */
export interface SmppAddress {
  readonly address: string;
  readonly ton: number;
  readonly npi: number;
}

export interface SmppOptions {
  readonly host: string;
  readonly port: number;
  /** Whether the connection begins with TLS (smpps://). */
  readonly secure: boolean;
  /** PEM certificates to trust instead of the system's. Null: the system's. */
  readonly ca: string | null;
  /** Whether certificates are not verified. */
  readonly insecure: boolean;
  /** For a message center that came over the network. Left out: any address, because the operator of this machine chose it. */
  readonly addresses?: AddressRules | undefined;
  readonly systemId: string;
  readonly password: { reveal(): string };
  /** Empty: none. */
  readonly systemType: string;
  /** Empty: the message center's default. */
  readonly serviceType: string;
  /** An empty address: the message center sets the sender. */
  readonly from: SmppAddress;
  /** Maximum number of submit_sm without an answer. */
  readonly window: number;
  /** Maximum number of submit_sm a second. Null: no limit. */
  readonly perSecond: number | null;
  /** How validity_period is written: SMPP 3.4 §7.1.1. */
  readonly validity: "relative" | "absolute" | "none";
  readonly receiptId: ReceiptIdForm;
  /** Time limits for connecting with TLS and bind, for one answer, and for the whole send. At most 30 s each. */
  readonly connectTimeoutMs?: number;
  readonly answerTimeoutMs?: number;
  readonly sendTimeoutMs?: number;
  /** How often a silent session is checked. Default: 30 s. */
  readonly enquireMs?: number;
  /** The first and the longest wait before a new connection. Defaults: 1 s and 60 s. */
  readonly waitMs?: number;
  readonly waitMaxMs?: number;
  readonly clock?: () => EpochMs;
}

const timeoutMaxMs = 30_000;

/**
 * Sends short messages through a message center by SMPP 3.4, over one transceiver session that it keeps and renews. Receipts come
 * over the same session. Source: SMPP Protocol Specification v3.4 issue 1.2, https://smpp.org/SMPP_v3_4_Issue1_2.pdf
 */
export function createSmppProvider(options: SmppOptions): CheckedProvider & Required<Pick<CheckedProvider, "onReports">> {
  const clock = options.clock ?? Date.now;
  const sendTimeoutMs = capped(options.sendTimeoutMs ?? timeoutMaxMs);
  const pace = options.perSecond === null ? null : createPace(options.perSecond);
  const ids = comparableIds(options.receiptId);
  const parts = createParts();
  const joining = new Set<Promise<unknown>>();
  let takeReports: ((reports: readonly DeliveryReport[]) => Promise<void>) | null = null;

  const session = {
    ...options,
    addresses: options.addresses,
    connectTimeoutMs: capped(options.connectTimeoutMs ?? 10_000),
    answerTimeoutMs: capped(options.answerTimeoutMs ?? 15_000),
    enquireMs: options.enquireMs ?? 30_000,
  };
  const link = createLink({
    connect: () => openSession(session, take),
    waitMs: options.waitMs ?? 1_000,
    waitMaxMs: options.waitMaxMs ?? 60_000,
  });

  async function take(pdu: PDU): Promise<boolean> {
    const receipt = readReceipt(pdu, options.receiptId);
    // A message from a phone, or a receipt that no repetition makes readable.
    if (receipt === null || receipt === "unreadable") return true;
    if (takeReports === null) return false;
    // The receipt of a part may arrive before the answers to the others.
    await Promise.allSettled([...joining]);
    const whole = parts.receiptOf(receipt);
    if (whole === null) return true;
    await takeReports([{ providerMessageId: whole.messageId, status: whole.status, cause: whole.cause }]);
    return true;
  }

  async function send(message: Message): Promise<DeliveryResult> {
    if (!isPhone(message.to.value)) return { kind: "permanent", detail: "not a number that messages can be sent to" };
    // The last part must go out early enough for its answer.
    const until = performance.now() + Math.max(0, sendTimeoutMs - session.answerTimeoutMs);
    const opened = await link.open();
    if (opened.kind !== "bound") return troubleOf(opened);
    const segments = segmentsOf(message.text, referenceOf(message));
    const sending = submitAll(opened.session, { message, segments, until });
    if (segments.parts.length < 2) return sending;
    joining.add(sending);
    return sending.finally(() => joining.delete(sending));
  }

  /** One part after the other, so that nothing follows a part that was refused. */
  async function submitAll(
    session: SmppSession,
    { message, segments, until }: { message: Message; segments: ReturnType<typeof segmentsOf>; until: number },
  ): Promise<DeliveryResult> {
    const messageIds: string[] = [];
    for (const short_message of segments.parts) {
      const waitMs = pace?.reserve(until - performance.now()) ?? (pace === null ? 0 : null);
      if (waitMs === null) return { kind: "temporary", detail: "more messages wait than `per_second` allows" };
      if (waitMs > 0) await wait(waitMs);
      if (clock() >= message.expiresAt)
        return { kind: "temporary", detail: "the code expired before the message could be sent" };
      const esm_class = segments.hasHeader ? 0x40 : 0;
      const fields = { ...fieldsOf(message), esm_class, data_coding: segments.dataCoding, short_message };
      const submitted = await session.submit(fields, Math.max(0, until - performance.now()));
      if (submitted.kind !== "accepted") return resultOf(submitted);
      messageIds.push(ids.ofAnswer(submitted.messageId));
    }
    if (messageIds.length > 1) parts.add(messageIds);
    return { kind: "sent", detail: "accepted", providerMessageId: messageIds[0]!, segments: messageIds.length };
  }

  function fieldsOf({ to, expiresAt, senderId }: Message) {
    const from = senderId === null ? options.from : senderAddress(senderId);
    return {
      service_type: options.serviceType,
      source_addr_ton: from.ton,
      source_addr_npi: from.npi,
      source_addr: from.address,
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: to.value.slice(1),
      validity_period: validityOf(options.validity, { expiresAt, now: clock() }),
      registered_delivery: 1,
    };
  }

  return {
    name: "smpp",
    channels: ["sms"],
    send,
    async check() {
      const opened = await link.open(true);
      return opened.kind === "bound" ? null : troubleOf(opened).detail;
    },
    onReports(take) {
      takeReports = take;
      void link.open();
    },
    close: () => link.close(),
  };
}

/** SMPP 3.4 §5.2.5 and §5.2.6: international 1 and 1, short codes 3 and 0, alphanumeric 5 and 0. */
function senderAddress(senderId: string): SmppAddress {
  if (senderId.startsWith("+")) return { address: senderId.slice(1), ton: 1, npi: 1 };
  return { address: senderId, ton: /^\d+$/.test(senderId) ? 3 : 5, npi: 0 };
}

function troubleOf(opened: Exclude<Opened, { kind: "bound" }>) {
  return opened.kind === "refused" ? resultOfBindRefusal(opened.status) : resultOfNoConnection(opened.code);
}

function resultOf(submitted: Exclude<Submitted, { kind: "accepted" }>): DeliveryResult {
  switch (submitted.kind) {
    case "refused":
      return resultOfRefusal(submitted.status);
    case "unsent":
      return submitted.why === "window"
        ? { kind: "temporary", detail: "the message center is slower than messages come" }
        : { kind: "unavailable", detail: "the session with the message center ended" };
    case "unanswered":
      return { kind: "unknown", detail: unanswered[submitted.why] };
  }
}

const unanswered = {
  timeout: "the message center did not answer in time",
  closed: "the connection broke before the message center answered",
  malformed: "the message center's answer makes no sense",
};

/** The same for all tries of a send, so that a phone joins parts of two tries. */
function referenceOf({ sendKey }: Message): number {
  return createHash("sha256").update(sendKey).digest()[0]!;
}

/** YYMMDDhhmmss, tenths of a second, then quarters of an hour from UTC, or R for relative times. */
function validityOf(form: SmppOptions["validity"], { expiresAt, now }: { expiresAt: EpochMs; now: EpochMs }): string {
  if (form === "none") return "";
  if (form === "absolute") {
    const [, digits = ""] = /^..(.*)\./.exec(new Date(expiresAt).toISOString()) ?? [];
    return `${digits.replace(/\D/g, "")}000+`;
  }
  const seconds = Math.max(1, Math.floor((expiresAt - now) / 1000));
  const two = (value: number): string => String(value).padStart(2, "0");
  const days = Math.min(30, Math.floor(seconds / 86_400));
  return `0000${two(days)}${two(Math.floor(seconds / 3600) % 24)}${two(Math.floor(seconds / 60) % 60)}${two(seconds % 60)}000R`;
}

function capped(timeoutMs: number): number {
  return Math.min(timeoutMs, timeoutMaxMs);
}
