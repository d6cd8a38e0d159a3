import { describe, expect, it } from "vitest";
import { createDeliverySums } from "../../src/messages/delivery-sums.js";
import type { MessageCounts } from "../../src/store/port/messages.js";

const counts = (changes: Partial<MessageCounts> = {}): MessageCounts => ({
  ...{
    day: 0,
    country: "SE",
    channel: "sms",
    provider: "one",
    price: null,
    messages: 1,
    sent: 1,
    delivered: 0,
    msToVerify: [],
  },
  ...changes,
});

function statsOf(...parts: readonly (readonly MessageCounts[])[]) {
  const sums = createDeliverySums();
  for (const part of parts) sums.add(part);
  return sums.stats();
}

describe("sums of messages", () => {
  it("are exact: counts, costs by currency, and the lower median of an even number of times", () => {
    const usd = (amount: string) => ({ amount, currency: "USD" });
    const all = [
      counts({ price: usd("0.1"), messages: 3, sent: 3, delivered: 2, msToVerify: [1_000, 40_000] }),
      counts({ price: usd("0.1"), msToVerify: [20_000] }),
      counts({ price: usd("0.0075"), msToVerify: [30_000] }),
      counts({ price: { amount: "1.50", currency: "EUR" } }),
      counts({ sent: 0 }),
    ];
    const sum = {
      ...{
        day: 0,
        country: "SE",
        channel: "sms",
        provider: "one",
        sent: 6,
        delivered: 2,
        verified: 4,
        medianMsToVerify: 20_000,
      },
      cost: [
        { amount: "1.5", currency: "EUR" },
        { amount: "0.4075", currency: "USD" },
      ],
    };
    expect(statsOf(all)).toEqual([sum]);
    expect(statsOf(...all.toReversed().map((one) => [one]))).toEqual([sum]);
  });

  it("are kept apart by day, country, channel and carrier, in this order, with missing values first", () => {
    const differing: Partial<MessageCounts>[] = [
      {},
      { provider: null, sent: 0 },
      { channel: "voice" },
      { country: null, channel: "email" },
      { day: 86_400_000 },
      { day: 10 * 86_400_000 },
    ];
    const shown = statsOf(differing.map(counts)).map(({ day, country, channel, provider }) => [
      day,
      country,
      channel,
      provider,
    ]);
    expect(shown).toEqual([
      [0, null, "email", "one"],
      [0, "SE", "sms", null],
      [0, "SE", "sms", "one"],
      [0, "SE", "voice", "one"],
      [86_400_000, "SE", "sms", "one"],
      [864_000_000, "SE", "sms", "one"],
    ]);
    expect(statsOf([counts()])[0]).toMatchObject({ cost: [], medianMsToVerify: null });
  });
});
