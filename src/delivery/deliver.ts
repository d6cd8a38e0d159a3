import { createHash } from "node:crypto";
import type { Channel } from "../model/channel.js";
import type { Contact } from "../model/contact.js";
import { maskContact } from "../model/mask.js";
import type { MessageStatus, MessageTry } from "../model/message.js";
import { takeBackMs } from "../model/not-me.js";
import { countryOf } from "../model/phone-number.js";
import type { EpochMs } from "../model/time.js";
import type { EndedTry } from "../store/port/messages.js";
import type { OutboxMessage, Settlement } from "../store/port/outbox.js";
import type { CarrierHealth } from "./carrier-health.js";
import type { DeliveryResult, Message, Provider, Receipt } from "./provider.js";
import { type RenderInput, renderMessage } from "./render.js";
import { renderNotice } from "./render-notice.js";
import { type Memory, nextInRound } from "./rounds.js";
import { systemTimers, type Timers } from "./timers.js";
import { causeOf, newRound, type Standing, type Verdict, verdictOf } from "./verdict.js";

export type Delivery = NonNullable<OutboxMessage["delivery"]>;

/** The operator's log. It never gets a code, a secret or a whole destination. */
export interface DeliveryLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** The result of one carrier's try, for metrics. */
export interface CountedTry {
  readonly channel: Channel;
  /** The label of the provider. */
  readonly provider: string;
  readonly kind: DeliveryResult["kind"];
}

/** A message that this process is done with, or that a carrier reports as not delivered, for metrics. */
export interface CountedEnd {
  readonly channel: Channel;
  readonly status: Extract<MessageStatus, "sent" | "expired" | "failed" | "undelivered" | "test">;
  /** The label of the last carrier that was asked, or that the message waited for. Null: none. */
  readonly provider: string | null;
  /** ISO 3166-1 alpha-2. Null for e-mail and for numbers of no country. */
  readonly country: string | null;
}

/** What messages take from their app. */
export type MessageApp = Pick<RenderInput, "brand" | "texts" | "senderName" | "autofill">;

export interface DeliverDeps {
  readonly clock: () => EpochMs;
  readonly log: DeliveryLog;
  /** Returns whether the code was sealed with a key that only other processes have. Rejects if that can't be found out now. */
  readonly isForeign: (delivery: Delivery) => Promise<boolean>;
  /** Returns the code of a delivery, or null if its sealed copy belongs to another challenge. May also throw in that case. */
  readonly openCode: (delivery: Delivery) => string | null;
  /**
   * Returns the carriers of a message in the order in which it tries them. `messageId` is its number in the outbox. Asked at the
   * beginning of each round. Rejects if that can't be found out now.
   */
  readonly carriersOf: (delivery: Delivery, messageId: number) => readonly Provider[] | Promise<readonly Provider[]>;
  /** Returns the sender of a message. Null: that of the carrier's settings. */
  readonly senderOf: (delivery: Delivery) => string | null;
  /** Where development shows each message once, beside the carriers. Empty in production. */
  readonly taps: readonly Provider[];
  readonly health: CarrierHealth;
  /** Returns the lookup HMAC of a contact as an identifier of a pool. */
  readonly contactKeyOf: (poolId: string, contact: Contact) => Uint8Array;
  /** Returns why the app sends nothing to the contact, such as its country, or null. Callers don't always know the contact. */
  readonly refusalOf: (appId: string, contact: Contact) => string | null;
  /** Returns what the messages of an app look like and say. */
  readonly appOf: (appId: string) => MessageApp;
  /**
   * Returns the link by which the recipient of a code mail says that it was not requested by them, and that of a notice takes the
   * contact back.
   */
  readonly notMeUrlOf: (delivery: Pick<Delivery, "challengeId" | "contact" | "locale" | "notice">) => string;
  /** Called after every try, for metrics. */
  readonly onTry?: (attempt: CountedTry) => void;
  /** Called when a carrier took a message, and when a message was given up, for metrics. */
  readonly onEnd?: (ended: CountedEnd) => void;
  readonly random?: () => number;
  readonly timers?: Timers;
}

/** One claimed message. */
export interface Try extends Omit<OutboxMessage, "delivery"> {
  readonly delivery: Delivery;
  /** When the claim ends. A send that could outlast it does not begin. */
  readonly leasedUntil: EpochMs;
  readonly memory: Memory;
}

/** What the store is asked to do with a claimed message. */
export type Outcome = Omit<Settlement, "outboxId" | "tries">;

/** The request did not name the number, so its answer could not say this. */
const numberBudgetSpent = "the prefix or the country of the number has used up its budget of messages";

// Providers give up after 30 s by themselves. One that does not would keep its place and outlast the lease.
const sendMaxMs = 35_000;

/** Gives a message to the next of its carriers, once. Returns what to do with it. Never rejects. */
export async function deliver(deps: DeliverDeps, attempt: Try): Promise<Outcome> {
  const { outboxId, delivery, carrier, unknowns, memory } = attempt;
  let carriers: readonly Provider[];
  try {
    if (delivery.isTest) return keepBack(deps, attempt);
    if (isExpired(deps, delivery)) return giveUp(deps, attempt, expired("its challenge expired before it could be sent"));
    const refusal = attempt.isMuted ? numberBudgetSpent : deps.refusalOf(delivery.appId, delivery.contact);
    if (refusal !== null) return giveUp(deps, attempt, failed("permanent", refusal));
    if (await deps.isForeign(delivery)) return putOff(deps, attempt);
    // The order may have changed since the round began, so that the index would name another carrier.
    carriers = (carrier > 0 ? memory.round : null) ?? (await deps.carriersOf(delivery, outboxId));
  } catch {
    return putOff(deps, attempt);
  }
  const message = prepare(deps, attempt);
  if (message === null) return giveUp(deps, attempt, failed("permanent", "its sealed copy can't be opened"));
  const shownBy = await show(deps, memory, message);
  if (carriers.length === 0) {
    const result: DeliveryResult = { kind: "sent", detail: "development shows it" };
    if (shownBy === null) return giveUp(deps, attempt, failed("unavailable", `no provider carries ${delivery.channel}`));
    return settled(deps, attempt, shownBy, result, { status: "sent", retryAt: null, carrier, unknowns, detail: result.detail });
  }
  // Waiting for the store took part of the lease, and perhaps the rest of the code's life.
  if (isExpired(deps, delivery)) return giveUp(deps, attempt, expired("its challenge expired before it could be sent"));
  if (deps.clock() + sendMaxMs > attempt.leasedUntil) return { retryAt: deps.clock(), carrier, unknowns, ended: null };
  const standing = standingOf(deps, attempt, carriers);
  const index = nextInRound(standing, carrier < carriers.length ? carrier : 0);
  if (index === null) return waitForCarriers(deps, attempt, standing);
  const provider = carriers[index]!;
  const result = await give(deps, provider, message);
  const verdict = verdictOf(standingOf(deps, attempt, carriers), index, result);
  memory.round = verdict.retryAt !== null && verdict.carrier > 0 ? carriers : null;
  return settled(deps, attempt, provider, result, verdict);
}

function isExpired({ clock }: DeliverDeps, { sealedCode, expiresAt, notice }: Delivery): boolean {
  return (sealedCode === null && notice === null) || clock() >= expiresAt;
}

function standingOf(deps: DeliverDeps, { tries, unknowns, delivery, memory }: Try, carriers: readonly Provider[]): Standing {
  const { health, clock, random = Math.random } = deps;
  return { carriers, memory, health, now: clock(), tries, unknowns, expiresAt: delivery.expiresAt, random };
}

function prepare(deps: DeliverDeps, { outboxId, delivery }: Try): Message | null {
  try {
    const { notice } = delivery;
    if (notice !== null) {
      const { brand, senderName } = deps.appOf(delivery.appId);
      const link = { url: deps.notMeUrlOf(delivery), days: takeBackMs / dayMs };
      return renderNotice({ delivery, notice, sendKey: sendKeyOf(delivery, outboxId), ...link, brand, senderName });
    }
    const code = deps.openCode(delivery);
    if (code === null) return null;
    const message = renderMessage({
      ...deps.appOf(delivery.appId),
      purpose: delivery.purpose,
      channel: delivery.channel,
      code,
      locale: delivery.locale,
      hasUser: delivery.hasUser,
      invited: delivery.invited,
      expiresAt: delivery.expiresAt,
      expiresInMinutes: (delivery.expiresAt - deps.clock()) / 60_000,
      words: delivery.words,
      to: delivery.contact,
      challengeId: delivery.challengeId,
      sendKey: sendKeyOf(delivery, outboxId),
      notMeUrl: delivery.channel === "email" ? deps.notMeUrlOf(delivery) : null,
    });
    return { ...message, senderId: deps.senderOf(delivery) };
  } catch {
    return null;
  }
}

function sendKeyOf({ challengeId }: Delivery, outboxId: number): string {
  return createHash("sha256").update(`send ${challengeId} ${outboxId}`).digest("hex").slice(0, 32);
}

/** Shows a message where development shows it, once. Returns the first place that carries its channel, or null if there is none. */
async function show({ taps }: DeliverDeps, memory: Memory, message: Message): Promise<Provider | null> {
  const open = taps.filter(({ channels }) => channels.includes(message.channel));
  if (!memory.shown) for (const tap of open) await tap.send(message).catch(() => {});
  memory.shown ||= open.length > 0;
  return open[0] ?? null;
}

async function give(deps: DeliverDeps, provider: Provider, message: Message): Promise<DeliveryResult> {
  let result: DeliveryResult;
  const ended = deps.health.begins(provider.name);
  try {
    result = await inTime(deps, provider.send(message));
  } catch (error) {
    // Providers promise not to throw. The text of the error may contain the message; its name can't.
    result = { kind: "unknown", detail: `the provider failed (${error instanceof Error ? error.name : typeof error})` };
  }
  const changed = ended(result, message.to);
  const fields = { provider: provider.name, detail: result.detail };
  if (changed === "down")
    deps.log.error(fields, "carrier marked down: it refuses its settings; codes wait or use the next carrier");
  if (changed === "up") deps.log.info(fields, "carrier can be used again");
  return result;
}

/** Returns the result of a send, or `unknown` if there is none in time. The send may still go on. */
function inTime({ timers = systemTimers }: DeliverDeps, sending: Promise<DeliveryResult>): Promise<DeliveryResult> {
  return new Promise((resolve, reject) => {
    const cancel = timers.after(sendMaxMs, () => resolve({ kind: "unknown", detail: "the provider gave no result in time" }));
    sending.then(resolve, reject).finally(cancel);
  });
}

function settled(deps: DeliverDeps, attempt: Try, provider: Provider, result: DeliveryResult, verdict: Verdict): Outcome {
  const { channel } = attempt.delivery;
  deps.onTry?.({ channel, provider: provider.label ?? provider.name, kind: result.kind });
  const fields = { ...logFields(attempt), provider: provider.name, detail: verdict.detail };
  const { status, retryAt, carrier, unknowns } = verdict;
  const what = subjectOf(attempt);
  if (status !== "queued") countEnd(deps, attempt, { status, provider });
  if (status === "sent") deps.log.info(fields, `${what} sent`);
  else if (retryAt !== null) deps.log.warn({ ...fields, retryInMs: retryAt - deps.clock() }, `${what} not sent yet`);
  else if (status === "expired") deps.log.error(fields, `${what} given up: it expires before the next try`);
  else if (unknowns > 0) deps.log.error(fields, `${what} given up: it was perhaps delivered`);
  else deps.log.error(fields, `${what} given up: refused`);
  const ended = { provider: provider.name, result: result.kind, detail: verdict.detail };
  return { retryAt, carrier, unknowns, ended: endedTry(deps, attempt, { ended, status, result }) };
}

interface GivenUp {
  readonly status: "failed" | "expired";
  readonly result: MessageTry["result"];
  readonly cause: string;
  /** What the log says besides. */
  readonly detail?: string;
  /** The carrier that the message waited for. */
  readonly waitedFor?: Pick<Provider, "name" | "label"> | undefined;
}

function countEnd(
  { onEnd }: DeliverDeps,
  { delivery: { channel, contact } }: Try,
  { status, provider }: { readonly status: CountedEnd["status"]; readonly provider?: GivenUp["waitedFor"] },
): void {
  onEnd?.({ channel, status, provider: provider?.label ?? provider?.name ?? null, country: countryOfContact(contact) });
}

function countryOfContact(contact: Contact): string | null {
  return contact.kind === "phone" ? countryOf(contact.value) : null;
}

function expired(cause: string, detail?: string): GivenUp {
  return { status: "expired", result: "temporary", cause, ...(detail === undefined ? {} : { detail }) };
}

function failed(result: MessageTry["result"], cause: string): GivenUp {
  return { status: "failed", result, cause };
}

/** Ends a message without asking a carrier. */
function giveUp(deps: DeliverDeps, attempt: Try, { status, result, cause, detail, waitedFor }: GivenUp): Outcome {
  deps.log.error(
    { ...logFields(attempt), ...(detail === undefined ? {} : { detail }) },
    `${subjectOf(attempt)} given up: ${cause}`,
  );
  countEnd(deps, attempt, { status, provider: waitedFor });
  const { carrier, unknowns } = attempt;
  const ended = { provider: "", result, detail: causeOf(unknowns, detail === undefined ? cause : `${cause}: ${detail}`) };
  return { retryAt: null, carrier, unknowns, ended: endedTry(deps, attempt, { ended, status, result: null }) };
}

/** Ends the message of a test identifier, which no carrier and no inbox gets. */
function keepBack(deps: DeliverDeps, attempt: Try): Outcome {
  const { carrier, unknowns } = attempt;
  const detail = "it is for a test identifier, so nothing was sent";
  deps.log.info({ ...logFields(attempt), test: true }, "code not sent: it is for a test identifier");
  countEnd(deps, attempt, { status: "test" });
  const ended = { provider: "", result: "permanent", detail } as const;
  return { retryAt: null, carrier, unknowns, ended: endedTry(deps, attempt, { ended, status: "test", result: null }) };
}

/** Waits for carriers that are down, are full or asked to wait. It is no try, so nothing is recorded unless the message ends by it. */
function waitForCarriers(deps: DeliverDeps, attempt: Try, standing: Standing): Outcome {
  const detail = standing.carriers
    .map(({ name }) => ({ name, error: deps.health.of(name).lastError?.detail }))
    .flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`]))
    .join("; ");
  // Claims without a try count too. Without a bound, a message that waits for a place would soon wait for a minute.
  const tries = Math.min(standing.tries, standing.carriers.length * waitingRoundsMax);
  const { retryAt, carrier, unknowns } = newRound({ ...standing, tries }, detail);
  if (retryAt !== null) return { retryAt, carrier, unknowns, ended: null };
  const waitedFor = standing.carriers[attempt.carrier] ?? standing.carriers[0];
  return giveUp(deps, attempt, { ...expired("its challenge expires before a carrier can be used", detail), waitedFor });
}

function endedTry(
  deps: DeliverDeps,
  { outboxId, queuedAt, delivery }: Try,
  given: {
    readonly ended: Omit<MessageTry, "endedAt">;
    readonly status: EndedTry["status"];
    readonly result: DeliveryResult | null;
  },
): EndedTry | null {
  // The messages are those of codes. A notice goes to a contact that was removed, so it leaves no trace there.
  if (delivery.notice !== null) return null;
  const { appId, userId, poolId, challengeId, purpose, channel, contact } = delivery;
  const receipt: Receipt = given.result?.kind === "sent" ? given.result : {};
  return {
    messageId: outboxId,
    reference: sendKeyOf(delivery, outboxId),
    message: {
      appId,
      userId,
      challengeId,
      purpose,
      channel,
      maskedDestination: maskContact(contact),
      country: countryOfContact(contact),
      queuedAt,
    },
    contactKey: deps.contactKeyOf(poolId, contact),
    ended: { ...given.ended, detail: given.ended.detail.slice(0, detailMax), endedAt: deps.clock() },
    status: given.status,
    providerMessageId: receipt.providerMessageId ?? null,
    segments: receipt.segments ?? null,
    price: receipt.price ?? null,
  };
}

const detailMax = 200;
const dayMs = 24 * 60 * 60_000;
/** 1 s, 2 s, 4 s. */
const waitingRoundsMax = 3;

/** Returns what the log calls a message. */
function subjectOf({ delivery }: Try): "code" | "notice" {
  return delivery.notice === null ? "code" : "notice";
}

function logFields({ tries, delivery }: Try): Readonly<Record<string, unknown>> {
  const { challengeId, channel, contact, notice } = delivery;
  return { ...(notice === null ? { challengeId } : { changeId: challengeId }), channel, to: maskContact(contact), try: tries };
}

/**
 * Leaves a message to the processes that can open it. They look every second. The wait varies, so that this process is not
 * always the first to claim the message again.
 */
function putOff(deps: DeliverDeps, attempt: Try): Outcome {
  const { carrier, unknowns, delivery } = attempt;
  const at = deps.clock() + Math.round(foreignWaitMs * (0.5 + (deps.random ?? Math.random)()));
  if (at < delivery.expiresAt) return { retryAt: at, carrier, unknowns, ended: null };
  return giveUp(deps, attempt, expired("its challenge expires before a process with its key can take it"));
}

const foreignWaitMs = 1_000;
