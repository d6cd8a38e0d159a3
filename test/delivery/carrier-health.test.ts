import { describe, expect, test } from "vitest";
import { createCarrierHealth } from "../../src/delivery/carrier-health.js";
import type { DeliveryResult } from "../../src/delivery/provider.js";
import type { Contact } from "../../src/model/contact.js";

const lockedOut: DeliveryResult = { kind: "unavailable", detail: "login refused", isMisconfigured: true };
const senderRefused: DeliveryResult = { kind: "unavailable", detail: "sender refused", refusesSender: true };
const sent: DeliveryResult = { kind: "sent", detail: "ok" };
const hung: DeliveryResult = { kind: "unknown", detail: "no answer" };
const phone = (value: string): Contact => ({ kind: "phone", value });
const swedish = phone("+46701234567");
const german = phone("+4915112345678");
const french = phone("+33612345678");

function started() {
  let now = 1_000_000;
  const health = createCarrierHealth(() => now);
  return {
    health,
    now: () => now,
    pass: (ms: number) => {
      now += ms;
    },
    probe(result: DeliveryResult, to = swedish) {
      now = Math.max(now, health.availableAt("sms"));
      return health.begins("sms")(result, to);
    },
    begin: (count: number, name = "sms") => Array.from({ length: count }, () => health.begins(name)),
    isFree: (name = "sms") => health.availableAt(name) <= now,
  };
}

describe("the health of a carrier", () => {
  test("is up, available and without an error before it was used", () => {
    const { health } = started();
    expect(health.of("sms")).toEqual({ state: "up", since: 1_000_000, lastError: null, sent: 0, failed: 0 });
    expect(health.availableAt("sms")).toBe(0);
  });

  test("is down from refused credentials on, for 5 s, doubling to 60 s, and up again at the first other answer", () => {
    const { health, now, probe } = started();
    expect(probe(lockedOut)).toBe("down");
    const waits = [health.availableAt("sms") - now()];
    for (let index = 0; index < 5; index += 1) {
      expect(probe(lockedOut)).toBeNull();
      waits.push(health.availableAt("sms") - now());
    }
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    expect(probe(sent)).toBe("up");
    expect(health.availableAt("sms")).toBe(0);
    expect(health.of("sms")).toMatchObject({ state: "up", since: now(), sent: 1, failed: 6 });
    expect(health.of("sms").lastError).toMatchObject({ detail: "login refused" });
  });

  test("grows no interval by the messages that were under way when it went down", () => {
    const { health, now, begin } = started();
    for (const ended of begin(10)) ended(lockedOut, swedish);
    expect(health.availableAt("sms") - now()).toBe(5_000);
  });

  test("lets one message at a time try a carrier that is down", () => {
    const { health, pass, isFree } = started();
    health.begins("sms")(lockedOut, swedish);
    pass(5_000);
    expect(isFree()).toBe(true);
    const ended = health.begins("sms");
    expect(isFree()).toBe(false);
    ended({ kind: "permanent", detail: "no such number" }, swedish);
    expect(health.of("sms").state).toBe("up");
  });

  test("stays down while a probe finds no answer", () => {
    const { health, now, probe } = started();
    probe(lockedOut);
    expect(probe({ kind: "unavailable", detail: "connection refused" })).toBeNull();
    expect(health.of("sms").state).toBe("down");
    expect(health.availableAt("sms") - now()).toBe(5_000);
  });

  test("gets four messages at a time after three failures in a row, until answers prevail, and stays up", () => {
    const { health, begin, isFree } = started();
    const running = begin(60);
    const end = (count: number, result: DeliveryResult) => {
      for (const ended of running.splice(0, count)) ended(result, swedish);
    };
    end(2, hung);
    expect(isFree()).toBe(true);
    end(1, { kind: "unavailable", detail: "connection refused" });
    expect(isFree()).toBe(false);
    end(54, hung);
    expect(isFree()).toBe(true);
    running.push(...begin(20));
    expect(isFree()).toBe(false);
    end(7, { kind: "permanent", detail: "no such number" });
    expect(isFree()).toBe(false);
    end(1, sent);
    expect([isFree(), health.of("sms").state]).toEqual([true, "up"]);
  });

  test("is not free of this limit by one answer between failures", () => {
    const { begin, probe, isFree } = started();
    for (const result of [hung, hung, sent, hung, hung, sent, hung]) probe(result);
    begin(4);
    expect(isFree()).toBe(false);
  });

  test("waits as long as an unavailable carrier says, at most 5 minutes, without being down", () => {
    const { health, now, probe } = started();
    probe({ kind: "unavailable", detail: "busy", retryAfterMs: 7_000 });
    expect([health.availableAt("sms") - now(), health.of("sms").state]).toEqual([7_000, "up"]);
    probe({ kind: "unavailable", detail: "busy", retryAfterMs: 86_400_000 });
    expect(health.availableAt("sms") - now()).toBe(300_000);
  });
});

describe("a carrier that refuses the sender", () => {
  test("stays up and free, however many numbers of two countries it refuses", () => {
    const { health, probe, isFree } = started();
    for (let number = 0; number < 50; number += 1) {
      expect(probe(senderRefused, phone(`+49151123456${10 + number}`))).toBeNull();
      expect(probe(senderRefused, phone(`+3361234${1000 + number}`))).toBeNull();
    }
    expect([isFree(), health.of("sms").state]).toEqual([true, "up"]);
    expect(health.of("sms").lastError).toMatchObject({ detail: "sender refused" });
  });

  test("counts the countries of one calling code once", () => {
    const { health, probe } = started();
    // The United States, Canada, Jamaica and Puerto Rico.
    for (const number of ["+14155550132", "+16135550132", "+18765550132", "+17875550132"]) probe(senderRefused, phone(number));
    expect(health.of("sms").state).toBe("up");
  });

  test("is down after three calling codes in a row, is tried by every message, and up at the first other answer", () => {
    const { probe, begin, isFree } = started();
    expect([german, french].map((to) => probe(senderRefused, to))).toEqual([null, null]);
    expect(probe(senderRefused, swedish)).toBe("down");
    expect(probe(senderRefused, german)).toBeNull();
    begin(20);
    expect(isFree()).toBe(true);
    expect(probe(sent, swedish)).toBe("up");
  });

  test("is tried by one message at a time as soon as it refuses its credentials too", () => {
    const { health, now, probe } = started();
    for (const to of [german, french, swedish]) probe(senderRefused, to);
    expect(probe(lockedOut)).toBeNull();
    expect([health.of("sms").state, health.availableAt("sms") - now()]).toEqual(["down", 5_000]);
  });

  test.each([sent, { kind: "permanent", detail: "no such number" }] as const)(
    "stays up if it answers otherwise between: $kind",
    (answer) => {
      const { health, probe } = started();
      for (const to of [german, french]) probe(senderRefused, to);
      probe(answer);
      for (const to of [swedish, german]) probe(senderRefused, to);
      expect(health.of("sms").state).toBe("up");
    },
  );

  test("stays up whatever addresses it refuses", () => {
    const { health, probe } = started();
    for (let index = 0; index < 10; index += 1) probe(senderRefused, { kind: "email", value: `ada@${index}.example` });
    expect(health.of("sms").state).toBe("up");
  });

  test("is up again if it refused its credentials before", () => {
    const { probe } = started();
    probe(lockedOut);
    expect(probe(senderRefused)).toBe("up");
  });

  test("is not paused by a time that it names with the refusal, nor limited as one that fails", () => {
    const { probe, begin, isFree } = started();
    for (let index = 0; index < 10; index += 1)
      probe({ kind: "unavailable", detail: "no", refusesSender: true, retryAfterMs: 60_000 }, german);
    begin(20);
    expect(isFree()).toBe(true);
  });
});

describe("the carriers of an app", () => {
  test("send eight messages at a time together, and the others as many as they can", () => {
    const { begin, isFree } = started();
    const running = [...begin(5, "shop/sms"), ...begin(2, "shop/mail")];
    expect([isFree("shop/sms"), isFree("shop/mail")]).toEqual([true, true]);
    running.push(...begin(1, "shop/mail"));
    expect([isFree("shop/sms"), isFree("shop/mail"), isFree("shop/unused")]).toEqual([false, false, false]);
    begin(60);
    expect([isFree("sms"), isFree("cafe/sms")]).toEqual([true, true]);
    running[0]?.(sent, swedish);
    expect(isFree("shop/mail")).toBe(true);
  });

  test("get no further places by being replaced while they hang", () => {
    const { health, begin, isFree } = started();
    const running = begin(8, "shop/sms");
    health.forget("shop/sms");
    expect(isFree("shop/sms")).toBe(false);
    for (const ended of running) ended(hung, swedish);
    expect(isFree("shop/sms")).toBe(true);
    expect(health.of("shop/sms")).toMatchObject({ failed: 0, lastError: null });
    begin(8, "shop/sms");
    expect(isFree("shop/sms")).toBe(false);
  });
});
