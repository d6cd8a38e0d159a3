import { expect, it } from "vitest";
import type { Challenge } from "../../../src/model/challenge.js";
import type { RouteKey } from "../../../src/model/route-health.js";
import type { EpochMs } from "../../../src/model/time.js";
import {
  bytes,
  email,
  expectKind,
  hour,
  issue,
  minute,
  phone,
  redemptionOf,
  type Scene,
  second,
  t0,
  times,
} from "./fixtures.js";
import { append, endedTry } from "./message-fixtures.js";

const route: RouteKey = { provider: "one", channel: "sms", country: "SE" };

interface Sent {
  readonly network: string;
  readonly at?: EpochMs;
  readonly provider?: string;
  readonly country?: string;
}

/** What is learned about carriers by country. */
export function routes(scene: Scene): void {
  const judge = async (now: EpochMs, limit = 1_000) => await scene.store.routes.judge({ now, limit });

  /** A message that a carrier took, and its challenge. */
  async function send({ network, at = t0, provider = "one", country = "SE" }: Sent): Promise<Challenge> {
    const challenge = await issue(scene.store, { contact: phone(), requesterKey: bytes(network) }, { now: at });
    await resend(challenge, { at, provider, country });
    return challenge;
  }

  async function resend(
    { challengeId }: Challenge,
    { at, provider = "one", country = "SE" }: Omit<Sent, "network"> & { readonly at: EpochMs },
  ) {
    const message = { challengeId, channel: "sms", country, queuedAt: at } as const;
    await append(scene.store, endedTry({ message, ended: { provider, endedAt: at } }));
  }

  async function verify({ challengeId }: Challenge, now: EpochMs): Promise<void> {
    expectKind(await scene.store.challenges.redeem(redemptionOf(challengeId, { now })), "redeemed");
  }

  async function sendAll(count: number, change: Omit<Sent, "network"> & { readonly networks?: string } = {}): Promise<void> {
    const { networks = "network", ...of } = change;
    for (let n = 0; n < count; n += 1) await send({ network: `${networks} ${n}`, ...of });
  }

  const failing = async () =>
    (await scene.store.routes.failing()).map(({ provider, channel, country }) => ({ provider, channel, country }));

  it("a route fails with the fifteenth unverified message in a row that another network requested, 120 s after it was taken", async () => {
    await sendAll(14);
    await sendAll(1, { networks: "last", at: t0 + second });
    expect(await judge(t0 + 2 * minute)).toEqual({ seen: 14, changes: [] });
    expect(await failing()).toEqual([]);
    expect(await judge(t0 + 2 * minute + second)).toEqual({ seen: 1, changes: [{ ...route, state: "failing" }] });
    const fails = { ...route, since: t0 + 2 * minute + second, verified: 0, misses: 0, probeAt: t0 + 2 * minute + second };
    expect(await scene.store.routes.failing()).toEqual([fails]);
    expect(await judge(t0 + 3 * minute)).toEqual({ seen: 0, changes: [] });
  });

  it("no message is judged earlier than 120 s after a carrier took it", async () => {
    await sendAll(20);
    expect(await judge(t0 + 2 * minute - 1)).toEqual({ seen: 0, changes: [] });
    expect(await failing()).toEqual([]);
  });

  it("a verified message clears what spoke against the route, however many were not verified before", async () => {
    await sendAll(14);
    await verify(await send({ network: "verified", at: t0 + second }), t0 + minute);
    await sendAll(14, { networks: "later", at: t0 + 2 * second });
    await judge(t0 + hour / 2);
    expect(await failing()).toEqual([]);
  });

  it("one network alone makes no route fail, with however many messages", async () => {
    for (let n = 0; n < 60; n += 1) await send({ network: "a stranger", at: t0 + n });
    await judge(t0 + 5 * minute);
    expect(await failing()).toEqual([]);
  });

  it("other countries, carriers and channels are judged by themselves", async () => {
    await sendAll(15, { country: "DE" });
    await sendAll(14);
    await sendAll(14, { provider: "two" });
    await judge(t0 + 5 * minute);
    expect(await failing()).toEqual([{ ...route, country: "DE" }]);
  });

  it("e-mail and messages that no carrier took are not judged", async () => {
    const { store } = scene;
    for (let n = 0; n < 20; n += 1) {
      const mail = await issue(store, { contact: email(), requesterKey: bytes(`network ${n}`) });
      await append(store, endedTry({ message: { challengeId: mail.challengeId, channel: "email", country: null } }));
      const refused = await issue(store, { contact: phone(), requesterKey: bytes(`network ${n}`) });
      const { challengeId } = refused;
      await append(store, endedTry({ status: "failed", message: { challengeId }, ended: { result: "permanent" } }));
    }
    expect(await judge(t0 + 5 * minute)).toEqual({ seen: 0, changes: [] });
  });

  it("of a code that was sent again, only the last message before its redemption counts as verified", async () => {
    for (let n = 0; n < 15; n += 1) {
      const challenge = await send({ network: `network ${n}` });
      await resend(challenge, { at: t0 + minute, provider: "two" });
      await verify(challenge, t0 + 2 * minute);
    }
    await judge(t0 + 10 * minute);
    expect(await failing()).toEqual([route]);
  });

  it("a route that fails works again after two verified messages that were sent since then, and not by earlier ones", async () => {
    const early = await Promise.all(times(3, (n) => send({ network: `early ${n}`, at: t0 + minute })));
    await sendAll(15);
    const failedAt = t0 + 2 * minute;
    await judge(failedAt);
    for (const challenge of early) await verify(challenge, t0 + 2.5 * minute);
    await judge(t0 + 5 * minute);
    expect(await failing()).toEqual([route]);
    await send({ network: "missed", at: failedAt });
    const probes = [
      await send({ network: "probe 1", at: failedAt + second }),
      await send({ network: "probe 2", at: failedAt + minute }),
    ];
    await verify(probes[0]!, failedAt + minute);
    await judge(failedAt + 2 * minute);
    expect(await scene.store.routes.failing()).toMatchObject([{ ...route, verified: 0, misses: 1 }]);
    await judge(failedAt + 2 * minute + second);
    expect(await scene.store.routes.failing()).toMatchObject([{ ...route, verified: 1, misses: 0 }]);
    await verify(probes[1]!, failedAt + 2 * minute);
    expect(await judge(failedAt + 4 * minute)).toEqual({ seen: 1, changes: [{ ...route, state: "working" }] });
    expect(await failing()).toEqual([]);
    await sendAll(14, { networks: "later", at: failedAt + 4 * minute });
    await judge(failedAt + 10 * minute);
    expect(await failing()).toEqual([]);
  });

  it("of 20 racing claims of a probe one gets it, and the next is due when that one said", async () => {
    await sendAll(15);
    const now = t0 + 2 * minute;
    await judge(now);
    const { routes: store } = scene.store;
    const claim = { route, now, nextAt: now + minute };
    expect((await Promise.all(times(20, () => store.claimProbe(claim)))).filter(Boolean)).toHaveLength(1);
    expect(await store.claimProbe({ ...claim, now: now + minute - 1 })).toBe(false);
    expect(await store.claimProbe({ ...claim, now: now + minute, nextAt: now + hour })).toBe(true);
    expect(await store.claimProbe({ ...claim, route: { ...route, country: "DE" } })).toBe(false);
  });

  it("racing calls judge each message once, in batches of any size", async () => {
    await sendAll(14);
    await sendAll(14, { at: t0 + second });
    const rounds = times(12, () => judge(t0 + hour / 2, 5));
    await Promise.all(rounds);
    for (let left = 5; left === 5; ) left = (await judge(t0 + hour / 2, 5)).seen;
    // The second half came from the same networks, so a message that was judged twice would change nothing; a new network would.
    expect(await failing()).toEqual([]);
    await send({ network: "the fifteenth", at: t0 + 2 * second });
    await Promise.all(times(8, () => judge(t0 + hour / 2, 5)));
    expect(await failing()).toEqual([route]);
  });

  it("messages that were taken more than an hour before they could be judged are left out", async () => {
    await sendAll(20);
    expect((await judge(t0 + hour + 2 * minute + 1)).changes).toEqual([]);
    expect(await failing()).toEqual([]);
  });
}
