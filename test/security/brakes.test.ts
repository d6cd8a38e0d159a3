import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { addBackend } from "../support/backends.js";
import { refusalOf } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

const hour = 60 * 60_000;
const times = <T>(count: number, of: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => of(n));

/** Numbers of one prefix: they differ in the last four digits only. */
const phoneOf = (n: number) => `+4670123${String(1_000 + n)}`;
const address = (n: number) => `203.0.${n >> 8}.${n & 255}`;

describe.each(testEngines())("brakes on $engine", { timeout: 60_000 }, ({ database }) => {
  async function start(env: Readonly<Record<string, string>> = {}): Promise<TestApp> {
    let on = await startTestApp({ ...(await database()), ...env });
    const again = on.restart;
    onTestFinished(() => on.stop());
    return Object.assign(on, {
      restart: async (changed?: Readonly<Record<string, string>>) => {
        on = await again(changed);
        return on;
      },
    });
  }

  async function outcome(call: Promise<unknown>): Promise<"sent" | "limited"> {
    try {
      await call;
      return "sent";
    } catch (error) {
      if (error instanceof ConnectError && error.code === Code.ResourceExhausted) return "limited";
      throw error;
    }
  }

  const sms = (on: TestApp, n: number, from: string) =>
    outcome(on.authFrom(from).sendOtp({ identifier: { case: "phone", value: phoneOf(n) }, createUserIfMissing: true }));
  const mail = (on: TestApp, name: string, from: string) =>
    outcome(
      on.authFrom(from).sendOtp({ identifier: { case: "email", value: `${name}@x.example` }, createUserIfMissing: true }),
    );
  const sentOf = (outcomes: readonly string[]) => outcomes.filter((one) => one === "sent").length;

  it("C11: of 500 sends to one range of numbers from 50 addresses 20 are sent within an hour; mail is unaffected", async () => {
    const on = await start();
    const outcomes = await Promise.all(times(500, (n) => sms(on, n, address(n % 50))));
    expect(sentOf(outcomes)).toBe(20);
    expect(await mail(on, "ada", address(1))).toBe("sent");
    on.clock.advance(hour - 1);
    expect(await sms(on, 501, address(60))).toBe("limited");
    on.clock.advance(1);
    expect(await sms(on, 501, address(60))).toBe("sent");
  });

  it("C13: of 30 messages with a budget of 10 for the deployment 10 are sent, also after a restart; mail is unaffected", async () => {
    const limits = { LATCHKEY_LIMIT_SMS: "10/24h", LATCHKEY_LIMIT_PREFIX_SENDS: "1000/1h" };
    const first = await start(limits);
    expect(sentOf(await Promise.all(times(15, (n) => sms(first, n, address(n)))))).toBe(10);
    const on = await first.restart();
    expect(sentOf(await Promise.all(times(15, (n) => sms(on, 100 + n, address(100 + n)))))).toBe(0);
    expect(await mail(on, "ada", address(1))).toBe("sent");
  });

  it("C15: a confidential client is bound by the range of numbers, and by a budget of its own", async () => {
    const on = await start({ LATCHKEY_LIMIT_CLIENT_SENDS: "25/1h" });
    const { basic } = await addBackend(on, { clientId: "shop", scopes: ["otp:send"] });
    const send = (identifier: { case: "phone" | "email"; value: string }) =>
      outcome(on.authWith({ authorization: basic }).sendOtp({ identifier, createUserIfMissing: true }));
    const outcomes = [];
    for (const n of times(24, Number)) outcomes.push(await send({ case: "phone", value: phoneOf(n) }));
    expect(sentOf(outcomes)).toBe(20);
    for (const n of times(5, Number)) expect(await send({ case: "email", value: `${n}@x.example` })).toBe("sent");
    expect(await send({ case: "email", value: "6@x.example" })).toBe("limited");
    expect(await mail(on, "6", address(1))).toBe("sent");
  });

  it("an address has 10 sends a minute, and its /24 ten times as many; a client's end user has an address too", async () => {
    const on = await start({ LATCHKEY_LIMIT_ADDRESS_SENDS: "10/1m" });
    const { basic } = await addBackend(on, { clientId: "shop", scopes: ["otp:send"] });
    const from = async (host: number, count: number) =>
      sentOf(await Promise.all(times(count, (n) => mail(on, `h${host}-${n}`, `203.0.113.${host}`))));
    expect(await from(1, 12)).toBe(10);
    expect(await Promise.all(times(9, (n) => from(n + 2, 10)))).toEqual(times(9, () => 10));
    expect(await from(200, 1)).toBe(0);
    const headers = { authorization: basic, "x-latchkey-end-user-ip": "203.0.113.1" };
    const identifier = { case: "email", value: "customer@x.example" } as const;
    expect(await outcome(on.authWith(headers).sendOtp({ identifier }))).toBe("limited");
    expect(await outcome(on.authWith({ authorization: basic }).sendOtp({ identifier }))).toBe("sent");
    expect(await mail(on, "another", "198.51.100.1")).toBe("sent");
  });

  it("an address reaches as many different identifiers as the setting says, and those as often as before", async () => {
    const on = await start({ LATCHKEY_LIMIT_ADDRESS_IDENTIFIERS: "3/1h" });
    for (const name of ["a", "b", "c"]) expect(await mail(on, name, address(1))).toBe("sent");
    expect(await mail(on, "d", address(1))).toBe("limited");
    expect(await mail(on, "d", address(2))).toBe("sent");
    on.clock.advance(5 * 60_000);
    expect(await mail(on, "a", address(1))).toBe("sent");
    expect(await mail(on, "d", address(1))).toBe("limited");
  });

  it("an address begins 10 registrations an hour", async () => {
    const on = await start({ LATCHKEY_LIMIT_ADDRESS_REGISTRATIONS: "10/1h" });
    const outcomes = times(12, (n) => outcome(on.authFrom(address(1)).registerUser({ email: `${n}@x.example` })));
    expect(sentOf(await Promise.all(outcomes))).toBe(10);
  });

  it("an address has as many wrong codes as the setting says; right codes do not count", async () => {
    const on = await start({ LATCHKEY_LIMIT_ADDRESS_FAILURES: "3/1h" });
    const auth = on.authFrom(address(1));
    const challenge = async (name: string) =>
      (await auth.sendOtp({ identifier: { case: "email", value: `${name}@x.example` }, createUserIfMissing: true })).challenge;
    for (const name of ["a", "b", "c", "d"]) {
      const { challengeId, code } = await on.messageOf(await challenge(name));
      await auth.verifyOtp({ challengeId, code });
    }
    const { challengeId, code } = await on.messageOf(await challenge("e"));
    const wrong = code.startsWith("0") ? "111111" : "000000";
    for (const _ of times(3, Number)) {
      const error = await auth.verifyOtp({ challengeId, code: wrong }).catch((thrown: unknown) => thrown);
      expect(refusalOf(error).reason).toBe("CODE_INVALID");
    }
    const error = await auth.verifyOtp({ challengeId, code }).catch((thrown: unknown) => thrown);
    expect(refusalOf(error).reason).toBe("TOO_MANY_REQUESTS");
    on.clock.advance(1);
    const other = await on.authFrom("198.51.100.1").verifyOtp({ challengeId, code });
    expect(other.user).toBeDefined();
  });

  it("a full range never refuses a username: the message to the person whose number is in it fails with the cause, also a resend", async () => {
    const on = await start({ LATCHKEY_LIMIT_PREFIX_SENDS: "1/1h" });
    const { challenges } = await on.auth.registerUser({ username: "ada_l", phone: phoneOf(1) });
    const { challengeId, code } = await on.messageOf(challenges[0]);
    await on.auth.verifyOtp({ challengeId, code });
    const answers = [];
    const ids: string[] = [];
    for (const value of ["ada_l", "missing", "ada_l", "missing"]) {
      if (answers.length === 2) on.clock.advance(2 * 60_000);
      const again = ids[answers.length - 2];
      const identifier =
        again === undefined ? ({ case: "username", value } as const) : ({ case: "challengeId", value: again } as const);
      const { challenge } = await on.auth.sendOtp({ identifier, channel: 2 });
      ids.push(challenge!.challengeId);
      answers.push({ ...challenge, challengeId: "", expiresAt: null, resendAt: null });
    }
    expect([answers[0], answers[2]]).toEqual([answers[1], answers[3]]);
    expect(await on.messages(phoneOf(1), 1)).toHaveLength(1);
    const { messages } = on.app.core.deps.store;
    const failed = await eventually("both messages to have failed", async () => {
      const { messages: found } = await messages.list({ filter: { status: "failed" }, before: null, limit: 10 });
      return found.length >= 2 ? found : undefined;
    });
    const message = { challengeId: ids[0], channel: "sms", country: "SE", provider: null };
    const cause = "the prefix or the country of the number has used up its budget of messages";
    expect(failed).toEqual([expect.objectContaining({ ...message, cause }), expect.objectContaining({ ...message, cause })]);
    expect((await messages.list({ filter: {}, before: null, limit: 10 })).messages).toHaveLength(3);
  });
});
