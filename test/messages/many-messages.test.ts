import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { operator } from "../../src/apps/actor.js";
import { DeliveryService } from "../../src/gen/latchkey/v1/delivery_service_pb.js";
import { type Message, MessageStatus } from "../../src/gen/latchkey/v1/message_pb.js";
import { type GetDeliveryStatsDeps, getDeliveryStats } from "../../src/messages/get-delivery-stats.js";
import type { Store } from "../../src/store/port/store.js";
import { times } from "../store/contract/fixtures.js";
import { append, endedTry } from "../store/contract/message-fixtures.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { addClient, connectClient } from "../support/clients.js";
import { commandSecrets, latchkey } from "../support/command-line.js";
import { testEngines } from "../support/engines.js";

describe.each(testEngines())("an app with thousands of messages on $engine", ({ database }) => {
  let on: TestApp;
  let env: Record<string, string>;
  let messages: Client<typeof DeliveryService>;

  beforeAll(async () => {
    const given = { ...(await database()), ...commandSecrets };
    // Commands have the real clock.
    on = await startTestApp(given, { clock: Date.now });
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(on.folder, "latchkey.db")}`, ...given };
    const client = await addClient(on, { clientId: "reader", scopes: ["messages:read"], appId: "default" });
    messages = connectClient(DeliveryService, on.app, { authorization: client.basic });
    const { store } = on.app.core.deps;
    const message = { queuedAt: Date.now() - 60_000 };
    const price = { amount: "0.001", currency: "USD" };
    await append(store, endedTry({ message, status: "failed", ended: { result: "permanent" } }));
    for (let n = 0; n < 18; n += 1) await append(store, ...times(250, () => endedTry({ message, price })));
  });
  afterAll(() => on.stop());

  const depsWith = (stats: Store["messages"]["stats"]): GetDeliveryStatsDeps => {
    const { deps } = on.app.core;
    const directory = { find: never, findApp: () => ({ appId: "default" }) as never, lookUp: never, refresh: never };
    return {
      ...deps,
      directory,
      store: { ...deps.store, messages: { ...deps.store.messages, stats } },
      summing: new Map(),
      wakeOutbox: never,
    };
  };
  const lastWeek = { appId: "default", from: undefined, to: undefined };

  it("a list of the few that failed goes on over empty pages to the last one", async () => {
    const pages: (readonly Message[])[] = [];
    let pageToken = "";
    do {
      const page = await messages.listMessages({ status: MessageStatus.FAILED, pageToken });
      pages.push(page.messages);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(pages.map(({ length }) => length)).toEqual([0, 0, 1]);
  });

  it("the command line finds what a list has only after empty pages, and no more than its limit", async () => {
    const failed = await latchkey(env, ["message", "list", "--status", "failed", "--json"]);
    expect(failed.json()).toMatchObject([{ status: "failed" }]);
    const sent = await latchkey(env, ["message", "list", "--status", "sent", "--since", "1h", "--limit", "3", "--json"]);
    expect(sent.json()).toHaveLength(3);
  });

  it("sums are exact", async () => {
    const { stats } = await messages.getDeliveryStats({});
    const total = stats.reduce((sum, one) => sum + one.sent, 0n);
    expect([total, stats.length]).toEqual([4_500n, 1]);
    expect(stats[0]!.cost).toMatchObject([{ amount: "4.5", currency: "USD" }]);
  });

  it("a sum reads no further once the caller has left", async () => {
    const leaving = new AbortController();
    let calls = 0;
    const { stats } = on.app.core.deps.store.messages;
    const deps = depsWith(async (query) => {
      calls += 1;
      leaving.abort(new Error("left"));
      return await stats(query);
    });
    const actor = operator();
    const source = { ...actor.source, signal: leaving.signal };
    await expect(getDeliveryStats(deps, { ...actor, source }, lastWeek)).rejects.toThrow("left");
    expect(calls).toBe(1);
    expect([...deps.summing.values()]).toEqual([0]);
  });

  it("two sums of an app run at a time: a third is refused and reads nothing, and is served once one has ended", async () => {
    let calls = 0;
    const waiting: (() => void)[] = [];
    const deps = depsWith(async () => {
      calls += 1;
      await new Promise<void>((resolve) => waiting.push(resolve));
      return { counts: [], next: null };
    });
    const sum = () => getDeliveryStats(deps, operator(), lastWeek);
    const running = [sum(), sum()];
    await expect(sum()).rejects.toMatchObject({ reason: "OVERLOADED", retryAfterMs: 1_000 });
    expect(calls).toBe(2);
    waiting.shift()!();
    await running[0];
    const next = sum();
    await expect.poll(() => waiting.length).toBe(2);
    for (const resolve of waiting) resolve();
    expect(await Promise.all([running[1], next])).toEqual([[], []]);
  });
});

function never(): never {
  throw new Error("not called");
}
