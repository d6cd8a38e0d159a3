import { createHash } from "node:crypto";
import type { Channel } from "../model/channel.js";
import { maskContact } from "../model/mask.js";
import type { EpochMs } from "../model/time.js";
import type { OutboxMessage } from "../store/port/outbox.js";
import type { DeliveryResult, Message, Provider } from "./channel.js";
import { renderMessage } from "./render.js";

export type Delivery = NonNullable<OutboxMessage["delivery"]>;

/** The operator's log. It never gets a code, a secret or a whole destination. */
export interface DeliveryLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** The result of one provider's try to deliver a message. */
export interface EndedTry {
  readonly channel: Channel;
  readonly provider: string;
  readonly kind: DeliveryResult["kind"];
}

export interface DeliverDeps {
  readonly clock: () => EpochMs;
  readonly log: DeliveryLog;
  /** Returns whether the code was sealed with a key that only other processes have. Rejects if that can't be found out now. */
  readonly isForeign: (delivery: Delivery) => Promise<boolean>;
  /** Returns the code of a delivery, or null if its sealed copy belongs to another challenge. May also throw in that case. */
  readonly openCode: (delivery: Delivery) => string | null;
  readonly providers: readonly Provider[];
  /** Returns what messages call an app. */
  readonly appNameOf: (appId: string) => string;
  /** Called after every try, for metrics. */
  readonly onTry?: (attempt: EndedTry) => void;
  readonly random?: () => number;
}

/** One claimed message for all providers of its channel that are not done with it. */
export interface Try {
  readonly outboxId: number;
  readonly tries: number;
  readonly delivery: Delivery;
  /** Providers that accepted or permanently refused this message in earlier tries. This try adds its own. */
  readonly doneProviders: Set<string>;
}

/** Makes one try. Returns when to make the next, or null if the message was sent or given up. Never rejects. */
export async function deliver(deps: DeliverDeps, attempt: Try): Promise<EpochMs | null> {
  const { delivery } = attempt;
  const fields = {
    challengeId: delivery.challengeId,
    channel: delivery.channel,
    to: maskContact(delivery.contact),
    try: attempt.tries,
  };
  const carriers = deps.providers.filter((provider) => provider.channels.includes(delivery.channel));
  if (carriers.length === 0) {
    deps.log.error(fields, "code given up: no provider carries this channel");
    return null;
  }
  if (deps.clock() >= delivery.expiresAt) {
    deps.log.error(fields, "code given up: its challenge expired before it could be sent");
    return null;
  }
  if (await deps.isForeign(delivery).catch(() => true)) return putOff(deps, delivery, fields);
  const message = prepare(deps, attempt, fields);
  if (message === null) return null;
  const open = carriers.filter((provider) => !attempt.doneProviders.has(provider.name));
  const outcomes = await Promise.all(open.map((provider) => tryProvider(deps, provider, message)));
  const retryAt = outcomes.some(({ result }) => isWorthAnotherTry(result)) ? nextTryAt(deps, attempt) : null;
  for (const outcome of outcomes) settleProvider(deps, attempt, outcome, retryAt, fields);
  return retryAt;
}

function prepare(deps: DeliverDeps, { outboxId, delivery }: Try, fields: Readonly<Record<string, unknown>>): Message | null {
  try {
    const code = deps.openCode(delivery);
    if (code === null) {
      deps.log.error(fields, "code given up: its sealed copy can't be opened");
      return null;
    }
    return renderMessage({
      purpose: delivery.purpose,
      channel: delivery.channel,
      code,
      locale: delivery.locale,
      hasUser: delivery.hasUser,
      invited: delivery.invited,
      expiresInMinutes: (delivery.expiresAt - deps.clock()) / 60_000,
      appName: deps.appNameOf(delivery.appId),
      to: delivery.contact,
      challengeId: delivery.challengeId,
      sendKey: createHash("sha256").update(`send ${delivery.challengeId} ${outboxId}`).digest("hex").slice(0, 32),
    });
  } catch (error) {
    deps.log.error({ ...fields, cause: nameOf(error) }, "code given up: its sealed copy can't be opened");
    return null;
  }
}

interface Outcome {
  readonly provider: Provider;
  readonly result: DeliveryResult;
}

async function tryProvider(deps: DeliverDeps, provider: Provider, message: Message): Promise<Outcome> {
  let result: DeliveryResult;
  try {
    result = await provider.send(message);
  } catch (error) {
    // Providers promise not to throw. The text of the error may contain the message; its name can't.
    result = { kind: "unavailable", detail: `the provider failed (${nameOf(error)})` };
  }
  deps.onTry?.({ channel: message.channel, provider: provider.name, kind: result.kind });
  return { provider, result };
}

function settleProvider(
  deps: DeliverDeps,
  attempt: Try,
  { provider, result }: Outcome,
  retryAt: EpochMs | null,
  base: Readonly<Record<string, unknown>>,
): void {
  const fields = Object.assign({}, base, { provider: provider.name, detail: result.detail });
  if (isWorthAnotherTry(result) && retryAt !== null) {
    deps.log.warn({ ...fields, retryInMs: retryAt - deps.clock() }, "code not sent yet");
    return;
  }
  attempt.doneProviders.add(provider.name);
  if (result.kind === "sent") deps.log.info(fields, "code sent");
  else if (result.kind === "permanent") deps.log.error(fields, "code given up: refused");
  else deps.log.error(fields, "code given up: its challenge expires before the next try");
}

function isWorthAnotherTry({ kind }: DeliveryResult): boolean {
  return kind === "temporary" || kind === "unavailable";
}

/**
 * Leaves a message to the processes that can open it. They look every second. The wait varies, so that this process is not
 * always the first to claim the message again.
 */
function putOff(deps: DeliverDeps, { expiresAt }: Delivery, fields: Readonly<Record<string, unknown>>): EpochMs | null {
  const at = deps.clock() + Math.round(foreignWaitMs * (0.5 + (deps.random ?? Math.random)()));
  if (at < expiresAt) return at;
  deps.log.error(fields, "code given up: its challenge expires before a process with its key can take it");
  return null;
}

const foreignWaitMs = 1_000;
const firstWaitMs = 1_000;
const waitMaxMs = 60_000;

/**
 * Returns now plus 1 s, doubling to 60 s. Each wait varies by a quarter, so that messages that failed together are not retried
 * together. Returns null if the challenge expires before that.
 */
function nextTryAt(deps: DeliverDeps, { tries, delivery }: Try): EpochMs | null {
  const waitMs = Math.min(firstWaitMs * 2 ** Math.min(tries - 1, 10), waitMaxMs);
  const jitter = 0.75 + (deps.random ?? Math.random)() / 2;
  const at = deps.clock() + Math.round(Math.min(waitMs * jitter, waitMaxMs));
  return at < delivery.expiresAt ? at : null;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
