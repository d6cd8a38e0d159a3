import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Provider } from "../../../src/delivery/provider.js";
import { code, message } from "../fixtures.js";

export interface ProviderUnderTest {
  readonly provider: Provider;
  /** What arrived so far, as its receivers see it. */
  received(): readonly { readonly to: string; readonly text: string }[];
  stop?(): Promise<void>;
}

/** What every provider must do. */
export function describeProvider(name: string, start: () => Promise<ProviderUnderTest>): void {
  describe(`provider ${name}`, () => {
    let under: ProviderUnderTest;
    beforeEach(async () => {
      under = await start();
    });
    afterEach(async () => {
      await under.provider.close();
      await under.stop?.();
    });

    test("is named by a short word of lower-case letters, digits and hyphens and carries at least one channel", () => {
      expect(under.provider.name).toMatch(/^[a-z][a-z0-9-]{1,31}$/);
      expect(under.provider.channels.length).toBeGreaterThan(0);
    });

    test("hands a message with its code to its one destination, once, on every channel it carries", async () => {
      for (const channel of under.provider.channels) {
        const sent = message(channel);
        const arrived = () => under.received().filter(({ text, to }) => holdsCode(text) && to === sent.to.value).length;
        const before = arrived();
        expect((await under.provider.send(sent)).kind).toBe("sent");
        expect(arrived()).toBe(before + 1);
      }
      expect(under.received()).toHaveLength(under.provider.channels.length);
    });

    test("hands one message to its one destination, whatever its app is called", async () => {
      for (const channel of under.provider.channels) {
        for (const appName of hostileNames) {
          const sent = message(channel, { appName });
          const rightful = () => under.received().filter(({ text, to }) => holdsCode(text) && to === sent.to.value).length;
          const [before, allBefore] = [rightful(), under.received().length];
          expect((await under.provider.send(sent)).kind).toBe("sent");
          expect([rightful(), under.received().length]).toEqual([before + 1, allBefore + 1]);
        }
      }
    });

    test("tells neither code nor destination in its detail", async () => {
      for (const channel of under.provider.channels) {
        const sent = message(channel);
        const { detail } = await under.provider.send(sent);
        expect(detail).not.toContain(code);
        expect(detail).not.toContain(sent.to.value);
      }
    });

    test("delivers each of 60 messages given at once to its own destination", async () => {
      const channel = under.provider.channels[0]!;
      const kind = channel === "email" ? "email" : "phone";
      const destinations = Array.from({ length: 60 }, (_, index) =>
        kind === "email" ? `user${index}@example.com` : `+1415555${1000 + index}`,
      );
      const results = await Promise.all(
        destinations.map((value, index) =>
          under.provider.send(message(channel, { to: { kind, value }, code: String(100_000 + index) })),
        ),
      );
      expect(results.every(({ kind: outcome }) => outcome === "sent")).toBe(true);
      for (const [index, value] of destinations.entries()) {
        const arrived = under.received().filter(({ to }) => to === value);
        expect(arrived.map(({ text }) => holdsCode(text, String(100_000 + index)))).toEqual([true]);
      }
    });

    test("closes twice without complaint, and a send after that is answered, not thrown", async () => {
      await under.provider.close();
      await under.provider.close();
      const result = await under.provider.send(message(under.provider.channels[0]!));
      expect(["sent", "unavailable"]).toContain(result.kind);
    });
  });
}

/** What ends a line, a value or a text somewhere, or is a template somewhere. */
const hostileNames = [
  "x\r\nBcc: evil@example.net\r\n\r\nbody\n.\r\n",
  '","to":"+14155550199"}&to=%2B14155550199;--',
  "</Say><Dial>+14155550199</Dial>]]>&#10;<b>",
  "\u0024{to} {to}{secrets.key} {{7*7}} #{code} $& $' %0a %s",
  "\0\u001b[2J\u009b\u202e\u2028",
];

/** Returns whether a text holds the code. Calls say its digits apart. */
function holdsCode(text: string, digits = code): boolean {
  return text.includes(digits) || text.replace(/[\s,.]/g, "").includes(digits);
}

/**
 * What the carrier does with the next message. `accept-silently`: it takes the message and never answers. `busy`: it asks to wait 7 s
 * (HTTP 429 with Retry-After, SMTP 451, SMPP ESME_RTHROTTLED). `refuse`: it refuses the recipient for good. `malformed`: it answers
 * nonsense. `slow`: it takes the message and answers late, but in time. `reset`: it takes the message and resets the connection.
 * `lock-out`: it refuses the credentials. Over HTTP also `redirect`: it answers 302 to its own address. `huge`: it takes the message
 * and answers more than 64 KiB.
 */
export type Behaviour =
  | "accept-silently"
  | "busy"
  | "refuse"
  | "malformed"
  | "slow"
  | "reset"
  | "lock-out"
  | "redirect"
  | "huge";

export interface CarrierUnderTest extends ProviderUnderTest {
  behave(how: Behaviour): void;
  /** Stops listening, so that no connection is accepted any more. */
  disappear(): Promise<void>;
  /** Texts that no result may contain, such as the password. */
  readonly secrets: readonly string[];
  /** Whether the carrier answers with its own id of a message. */
  readonly givesIds: boolean;
  /** Whether the carrier can say how long to wait. */
  readonly saysHowLong: boolean;
  /** Whether the carrier has an HTTP API. */
  readonly speaksHttp?: true;
}

const hostileDestinations = [
  "\r\nBcc: evil@example.net",
  "\n",
  "\0",
  ",evil@example.net",
  ",+14155550199",
  "&to=+14155550199",
  " ",
];

/** What every provider of a remote carrier must do. `start` gives it short time-outs: at most 500 ms. */
export function describeCarrier(name: string, start: () => Promise<CarrierUnderTest>): void {
  describeProvider(name, start);

  describe(`carrier ${name}`, () => {
    let under: CarrierUnderTest;
    const sent = () => message(under.provider.channels[0]!);
    beforeEach(async () => {
      under = await start();
    });
    afterEach(async () => {
      await under.provider.close();
      await under.stop?.();
    });

    async function sendWhile(how: Behaviour) {
      under.behave(how);
      const result = await under.provider.send(sent());
      for (const secret of [...under.secrets, code, sent().to.value]) expect(JSON.stringify(result)).not.toContain(secret);
      expect(result.detail.length).toBeLessThanOrEqual(200);
      return result;
    }

    test("returns the carrier's id of a message that it took", async () => {
      const result = await under.provider.send(sent());
      expect(result.kind === "sent" && typeof result.providerMessageId === "string").toBe(under.givesIds);
    });

    test("returns unknown if the carrier takes a message and never answers", async () => {
      expect((await sendWhile("accept-silently")).kind).toBe("unknown");
      expect(under.received()).toHaveLength(1);
    });

    test("returns unknown if the connection breaks after the carrier took a message", async () => {
      expect((await sendWhile("reset")).kind).toBe("unknown");
    });

    test("waits for an answer that is late but in time", async () => {
      expect((await sendWhile("slow")).kind).toBe("sent");
      expect(under.received()).toHaveLength(1);
    });

    test("returns temporary or unavailable if the carrier is busy, with the time to wait if the carrier says it", async () => {
      const result = await sendWhile("busy");
      expect(["temporary", "unavailable"]).toContain(result.kind);
      expect("retryAfterMs" in result ? result.retryAfterMs : undefined).toBe(under.saysHowLong ? 7_000 : undefined);
      expect(under.received()).toHaveLength(0);
      expect((await under.provider.send(sent())).kind).toBe("sent");
    });

    test("returns permanent if the carrier refuses the recipient for good, and goes on with the next message", async () => {
      expect((await sendWhile("refuse")).kind).toBe("permanent");
      expect((await under.provider.send(sent())).kind).toBe("sent");
      expect(under.received()).toHaveLength(1);
    });

    test("takes a malformed answer neither for a success nor for a refusal", async () => {
      expect(["unknown", "unavailable"]).toContain((await sendWhile("malformed")).kind);
      expect((await under.provider.send(sent())).kind).toBe("sent");
    });

    test("returns unavailable and misconfigured if the carrier refuses the credentials, and its check says so", async () => {
      const result = await sendWhile("lock-out");
      expect(result).toMatchObject({ kind: "unavailable", isMisconfigured: true });
      expect(under.received()).toHaveLength(0);
      if (under.provider.check === undefined) return;
      under.behave("lock-out");
      const trouble = await under.provider.check();
      expect(trouble).not.toBeNull();
      for (const secret of under.secrets) expect(trouble).not.toContain(secret);
    });

    test.each(hostileDestinations)("refuses a destination that is not exactly one, for good: %j", async (tail) => {
      const { to } = sent();
      const result = await under.provider.send({ ...sent(), to: { ...to, value: `${to.value}${tail}` } });
      expect(result.kind).toBe("permanent");
      expect(under.received()).toHaveLength(0);
    });

    test("follows no redirect, which could lead anywhere", async () => {
      if (under.speaksHttp !== true) return;
      expect((await sendWhile("redirect")).kind).not.toBe("sent");
      expect(under.received()).toHaveLength(0);
    });

    test("reads no answer above 64 KiB, and returns unknown", async () => {
      if (under.speaksHttp !== true) return;
      expect((await sendWhile("huge")).kind).toBe("unknown");
      expect(under.received()).toHaveLength(1);
    });

    test("returns unavailable if nothing listens", async () => {
      await under.disappear();
      expect((await under.provider.send(sent())).kind).toBe("unavailable");
      expect(under.received()).toHaveLength(0);
    });

    test("ends a send that is running when it is closed", async () => {
      under.behave("slow");
      const sending = under.provider.send(sent());
      await under.provider.close();
      expect(["sent", "unknown", "unavailable"]).toContain((await sending).kind);
    });
  });
}
