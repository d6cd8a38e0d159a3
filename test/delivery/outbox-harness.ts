import { afterEach, beforeEach, expect } from "vitest";
import { createCarrierHealth } from "../../src/delivery/carrier-health.js";
import type { Jobs } from "../../src/delivery/jobs.js";
import { type Outbox, type OutboxDeps, startOutbox } from "../../src/delivery/outbox.js";
import type { DeliveryResult, Provider } from "../../src/delivery/provider.js";
import { createFakeOutboxStore, type FakeOutboxStore } from "./fake-outbox-store.js";
import { createFakeTime, type FakeTime } from "./fake-time.js";
import { code, createFakeLog, createFakeProvider, type FakeProvider, look } from "./fixtures.js";

export const temporary: DeliveryResult = { kind: "temporary", detail: "busy" };
export const unavailable: DeliveryResult = { kind: "unavailable", detail: "no answer" };
export const unknown: DeliveryResult = { kind: "unknown", detail: "no answer in time" };
export const lockedOut: DeliveryResult = { kind: "unavailable", detail: "login refused", isMisconfigured: true };
export const senderRefused: DeliveryResult = { kind: "unavailable", detail: "sender refused", refusesSender: true };
export const permanent: DeliveryResult = { kind: "permanent", detail: "recipient refused" };
export const minute = 60_000;

/** What the outbox of a test works with; new for every test, and when `reset` is called. */
export let time: FakeTime;
export let store: FakeOutboxStore;
export let log: ReturnType<typeof createFakeLog>;
export let provider: FakeProvider;

export function reset(): void {
  time = createFakeTime();
  store = createFakeOutboxStore();
  log = createFakeLog();
  provider = createFakeProvider();
}

/** Called once by every file of tests: whatever happens in one of them, no line of the log tells a code or a whole destination. */
export function useOutbox(): void {
  beforeEach(reset);
  afterEach(() => {
    expect(JSON.stringify(log.lines)).not.toMatch(new RegExp(`${code}|ada@|4155550132`));
  });
}

/** Starts an outbox and lets its first look at the store be over. `carriers` are used in this order. */
export async function start({ carriers = [provider], jobs, ...change }: Start = {}): Promise<Outbox> {
  const deps: OutboxDeps = {
    store,
    clock: time.clock,
    timers: time.timers,
    log,
    isForeign: async () => false,
    openCode: ({ sealedCode }) => Buffer.from(sealedCode ?? "").toString(),
    carriersOf: ({ channel }) => carriers.filter(({ channels }) => channels.includes(channel)),
    senderOf: () => null,
    taps: [],
    health: createCarrierHealth(time.clock),
    contactKeyOf: (poolId, { kind, value }) => Buffer.from(`key of ${poolId} ${kind} ${value}`),
    refusalOf: () => null,
    appOf: () => look,
    notMeUrlOf: ({ challengeId }) => `https://id.example/not-me/${challengeId}.mac?lang=en`,
    random: () => 0.5,
    forwardTo: () => new Set(),
    ...change,
  };
  const outbox = startOutbox(deps, jobs);
  await time.settle();
  return outbox;
}

interface Start extends Partial<OutboxDeps> {
  readonly jobs?: Jobs;
  readonly carriers?: readonly Provider[];
}

/** A provider's answer that is given by hand. */
export function held(): { readonly answer: Promise<DeliveryResult>; give(result: DeliveryResult): void } {
  let give: (result: DeliveryResult) => void = () => {};
  const answer = new Promise<DeliveryResult>((resolve) => {
    give = resolve;
  });
  return { answer, give: (result) => give(result) };
}
