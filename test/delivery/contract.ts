import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Provider } from "../../src/delivery/channel.js";
import { code, message } from "./fixtures.js";

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

    test("is named by a short lower-case word and carries at least one channel", () => {
      expect(under.provider.name).toMatch(/^[a-z]{2,12}$/);
      expect(under.provider.channels.length).toBeGreaterThan(0);
    });

    test("hands a message with its code to its one destination, once, on every channel it carries", async () => {
      for (const channel of under.provider.channels) {
        const sent = message(channel);
        expect((await under.provider.send(sent)).kind).toBe("sent");
        const arrived = under.received().filter(({ text, to }) => text.includes(code) && to === sent.to.value);
        expect(arrived).toHaveLength(1);
      }
      expect(under.received()).toHaveLength(under.provider.channels.length);
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
        expect(arrived.map(({ text }) => text.includes(String(100_000 + index)))).toEqual([true]);
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
