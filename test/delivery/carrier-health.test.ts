import { describe, expect, test } from "vitest";
import { createCarrierHealth } from "../../src/delivery/carrier-health.js";
import type { DeliveryResult } from "../../src/delivery/provider.js";

const lockedOut: DeliveryResult = { kind: "unavailable", detail: "login refused", isMisconfigured: true };
const sent: DeliveryResult = { kind: "sent", detail: "ok" };

function started() {
  let now = 1_000_000;
  const health = createCarrierHealth(() => now);
  return {
    health,
    now: () => now,
    pass: (ms: number) => {
      now += ms;
    },
    probe(result: DeliveryResult) {
      now = Math.max(now, health.availableAt("sms"));
      health.begins("sms");
      return health.ended("sms", result);
    },
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

  test("grows no interval by a message that it has refused before", () => {
    const { health, now } = started();
    health.ended("sms", lockedOut);
    for (let index = 0; index < 5; index += 1) {
      health.begins("sms");
      expect(health.ended("sms", lockedOut, true)).toBeNull();
      expect(health.availableAt("sms") - now()).toBe(5_000);
    }
  });

  test("grows no interval by the messages that were under way when it went down", () => {
    const { health, now } = started();
    for (let index = 0; index < 10; index += 1) health.begins("sms");
    for (let index = 0; index < 10; index += 1) health.ended("sms", lockedOut);
    expect(health.availableAt("sms") - now()).toBe(5_000);
  });

  test("lets one message at a time try a carrier that is down", () => {
    const { health, now, pass } = started();
    health.begins("sms");
    health.ended("sms", lockedOut);
    pass(5_000);
    expect(health.availableAt("sms")).toBeLessThanOrEqual(now());
    health.begins("sms");
    expect(health.availableAt("sms")).toBeGreaterThan(now());
    health.ended("sms", { kind: "permanent", detail: "no such number" });
    expect(health.of("sms").state).toBe("up");
  });

  test("stays down while a probe finds no answer", () => {
    const { health, now, probe } = started();
    probe(lockedOut);
    expect(probe({ kind: "unavailable", detail: "connection refused" })).toBeNull();
    expect(health.of("sms").state).toBe("down");
    expect(health.availableAt("sms") - now()).toBe(5_000);
  });

  test("gets four messages at a time after three failures in a row, until it answers, and stays up", () => {
    const { health, now } = started();
    const begin = (count: number) => Array.from({ length: count }, () => health.begins("sms"));
    const end = (count: number, result: DeliveryResult) => Array.from({ length: count }, () => health.ended("sms", result));
    const isFree = () => health.availableAt("sms") <= now();
    begin(60);
    end(2, { kind: "unknown", detail: "no answer" });
    expect(isFree()).toBe(true);
    end(1, { kind: "unavailable", detail: "connection refused" });
    expect(isFree()).toBe(false);
    end(54, { kind: "unknown", detail: "no answer" });
    expect(isFree()).toBe(true);
    begin(1);
    expect(isFree()).toBe(false);
    end(1, { kind: "permanent", detail: "no such number" });
    begin(10);
    expect([isFree(), health.of("sms").state]).toEqual([true, "up"]);
  });

  test("waits as long as an unavailable carrier says, at most 5 minutes, without being down", () => {
    const { health, now, probe } = started();
    probe({ kind: "unavailable", detail: "busy", retryAfterMs: 7_000 });
    expect([health.availableAt("sms") - now(), health.of("sms").state]).toEqual([7_000, "up"]);
    probe({ kind: "unavailable", detail: "busy", retryAfterMs: 86_400_000 });
    expect(health.availableAt("sms") - now()).toBe(300_000);
  });
});
