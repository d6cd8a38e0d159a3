import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../../src/cli/main.js";
import { followCurrentKeys } from "../../src/crypto/current-keys.js";
import type { DeliveryResult } from "../../src/delivery/provider.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { callers, failureOf, type RpcCaller } from "../doors/callers.js";
import { tempDir } from "../store/temp-dir.js";
import { eventually, fakeClock, startTestApp, type TestApp } from "../support/app.js";
import { bearer, refused, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { newKey } from "../support/server.js";

const { verifyOtp, refreshToken, revokeToken } = AuthService.method;
const [oldMaster, newMaster, oldPepper, newPepper] = [newKey(), newKey(), newKey(), newKey()];
/** The keys of a process, by how far the change has come there. The last stage differs in the current key of the database alone. */
const masters = {
  before: `1:${oldMaster}`,
  announced: `1:${oldMaster},2:${newMaster}`,
  promoted: `1:${oldMaster},2:${newMaster}`,
};
const peppers = {
  before: `1:${oldPepper}`,
  announced: `1:${oldPepper},2:${newPepper}`,
  promoted: `1:${oldPepper},2:${newPepper}`,
};
type Stage = keyof typeof masters;
const missingKey = /^not ready: LATCHKEY_\w+ id 2 is the current key and is not configured here/;
const idempotencyKey = "an-idempotency-key-0001";
const emailFor = (door: string) => `${door.replace(/[^a-z]/gi, "")}@example.com`;
const unavailable = { code: Code.Unavailable, reason: "UNAVAILABLE", retryAfterMs: 1_000 };

const directory = tempDir();
let files = 0;

describe.each(testEngines())("a change of pepper and master key, on $engine,", ({ database }) => {
  let env: Readonly<Record<string, string>>;
  let clock: (() => number) & { advance?: (ms: number) => void };
  let running: TestApp[];
  beforeEach(async () => {
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(directory, `${files++}.db`)}`, ...(await database()) };
    clock = fakeClock();
    running = [];
  });
  afterEach(async () => {
    for (const app of running) await app.stop();
  });

  const settingsOf = (master: Stage, pepper: Stage) => ({
    ...env,
    LATCHKEY_MASTER_KEY: masters[master],
    LATCHKEY_PEPPER: peppers[pepper],
  });

  const runAt = (stage: Stage, argv: readonly string[], lines: string[] = []) => {
    const say = (line: string) => void lines.push(line);
    const io = { out: say, err: say, confirm: async () => false };
    return run(argv, { LATCHKEY_MODE: "development", ...settingsOf(stage, stage) }, io);
  };

  async function startAt(master: Stage, pepper: Stage = master, overrides: Parameters<typeof startTestApp>[1] = {}) {
    const app = await startTestApp(settingsOf(master, pepper), { clock, ...overrides });
    running.push(app);
    if (master === "promoted") await promote(app, "master");
    if (pepper === "promoted") await promote(app, "pepper");
    return app;
  }

  /** As if the other processes had not been seen for a while. They notice with their next heartbeat, and are not ready then. */
  async function promote(on: TestApp, use: "master" | "pepper"): Promise<void> {
    const { deps, rings } = on.app.core;
    const { kind } = await deps.store.keys.promote({
      use,
      keyId: "2",
      check: rings[use].checkValue("2"),
      seenAfter: Number.MAX_SAFE_INTEGER,
    });
    expect(["promoted", "current"]).toContain(kind);
    followCurrentKeys(rings, await deps.store.keys.findCurrent());
  }

  const errorsIn = (on: TestApp) => on.log.lines.filter(({ level, message }) => level === "error" && !missingKey.test(message));

  async function end(app: TestApp): Promise<void> {
    running = running.filter((other) => other !== app);
    await app.stop();
  }

  /** The code of a challenge, whichever process delivered it. Puts due what was put off. */
  async function codeOf(challenge: { readonly challengeId: string } | undefined): Promise<string> {
    return await eventually("the challenge's code", async () => {
      clock.advance?.(100);
      for (const { app } of running) {
        const messages = await fetch(`http://127.0.0.1:${app.inboxPort}/messages`);
        const found = ((await messages.json()) as { challengeId: string; code: string }[]).find(
          ({ challengeId }) => challengeId === challenge?.challengeId,
        );
        if (found !== undefined) return found.code;
      }
      return undefined;
    });
  }

  async function newGuess(on: TestApp, email: string): Promise<{ challengeId: string; code: string }> {
    const { challenge } = await on.auth.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
    return { challengeId: challenge!.challengeId, code: await codeOf(challenge) };
  }

  async function signInAt(on: TestApp, email: string) {
    const { tokens } = await on.auth.verifyOtp(await newGuess(on, email));
    return tokens!;
  }

  async function missing(on: TestApp, use: string, work: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${on.app.metricsPort}/metrics`)).text();
    const line = text.split("\n").find((one) => one.startsWith(`latchkey_key_missing_total{use="${use}",work="${work}"}`));
    return Number(line?.split(" ")[1] ?? 0);
  }

  function callerTo(on: TestApp, connect: (typeof callers)[string]): RpcCaller {
    return connect({ grpcAddress: `127.0.0.1:${on.app.grpcPort}`, webUrl: `http://127.0.0.1:${on.app.httpPort}` });
  }

  it("a code sealed with a key that the claiming process lacks is put off for another process, and not lost", async () => {
    const lacking = await startAt("before");
    // A provider that can't send leaves the message to the next process that claims it.
    const busy = {
      name: "busy",
      channels: ["email" as const],
      send: async (): Promise<DeliveryResult> => ({ kind: "unavailable", detail: "busy" }),
      close: async () => {},
    };
    const sender = await startAt("promoted", "promoted", { providers: [busy] });
    const { challenge } = await sender.auth.sendOtp({
      identifier: { case: "email", value: "a@example.com" },
      createUserIfMissing: true,
    });
    await end(sender);
    for (let claims = 1; claims <= 2; claims += 1) {
      await eventually("a claim by the process that lacks the key", async () => {
        clock.advance?.(100);
        return (await missing(lacking, "master", "deliver")) >= claims || undefined;
      });
    }
    const told = lacking.log.lines.filter(({ fields }) => fields.work === "deliver");
    expect(told.map(({ level, message }) => [level, message])).toEqual([
      [
        "warn",
        "LATCHKEY_MASTER_KEY id 2 is known to the database and not configured here: work that needs it is left to other processes; " +
          'add it as 2:<base64>, or retire it with "latchkey keys retire 2 --use master"',
      ],
    ]);
    expect(errorsIn(lacking)).toEqual([]);
    const able = await startAt("promoted");
    const code = await codeOf(challenge);
    expect((await able.auth.verifyOtp({ challengeId: challenge!.challengeId, code })).tokens).toBeDefined();
  });

  it("over every door a guess at a code under a pepper that the process lacks is UNAVAILABLE and spends nothing, right or wrong", async () => {
    const lacking = await startAt("before");
    const able = await startAt("before", "promoted");
    for (const [door, connect] of Object.entries(callers)) {
      const { challengeId, code } = await newGuess(able, emailFor(door));
      const caller = callerTo(lacking, connect);
      // More than the 5 attempts of a challenge, and the 10 guesses an hour of an identifier.
      for (let n = 0; n < 12; n += 1) {
        const guess = { challengeId, code: n % 2 === 0 ? code : wrongCode(code, n) };
        expect(await failureOf(caller.call(verifyOtp, guess)), door).toMatchObject(unavailable);
      }
      caller.close();
      for (let n = 0; n < 4; n += 1) {
        expect((await refused(able.auth.verifyOtp({ challengeId, code: wrongCode(code, n) }))).reason).toBe("CODE_INVALID");
      }
      expect((await able.auth.verifyOtp({ challengeId, code })).tokens, door).toBeDefined();
    }
    expect(await missing(lacking, "pepper", "verify")).toBe(12 * Object.keys(callers).length);
  });

  it("over every door a refresh token of a master key that the process lacks is UNAVAILABLE there and works elsewhere; one of a key that no process has is garbage", async () => {
    const lacking = await startAt("before");
    const able = await startAt("promoted");
    // All doors at once: an unknown key id waits up to a second for the next read of the keys.
    const throughDoor = async ([door, connect]: [string, (typeof callers)[string]]) => {
      const tokens = await signInAt(able, emailFor(door));
      const caller = callerTo(lacking, connect);
      const refresh = (token: string) => caller.call(refreshToken, { refreshToken: token, idempotencyKey });
      expect(await failureOf(refresh(tokens.refreshToken)), door).toMatchObject(unavailable);
      expect(await failureOf(caller.call(revokeToken, { token: tokens.refreshToken })), door).toMatchObject(unavailable);
      const forged = tokens.refreshToken.replace(/^lk1\.2\./, "lk1.9.");
      const garbage = { code: Code.Unauthenticated, reason: "SESSION_ENDED" };
      expect(await failureOf(refresh(forged)), door).toMatchObject(garbage);
      await caller.call(revokeToken, { token: forged });
      caller.close();
      // The access token is of the deployment, not of a master key.
      expect((await lacking.auth.getCurrentUser({}, bearer(tokens.accessToken))).user).toBeDefined();
      const renewed = await able.auth.refreshToken({ refreshToken: tokens.refreshToken, idempotencyKey });
      expect(renewed.tokens!.sessionId, door).toBe(tokens.sessionId);
      const last = { refreshToken: renewed.tokens!.refreshToken };
      await able.auth.revokeToken({ token: last.refreshToken });
      expect((await refused(able.auth.refreshToken(last))).reason).toBe("SESSION_ENDED");
    };
    await Promise.all(Object.entries(callers).map(throughDoor));
    for (const work of ["refresh", "revoke"]) expect(await missing(lacking, "master", work)).toBe(Object.keys(callers).length);
  });

  it("a registration whose profile is sealed with a key that the process lacks is UNAVAILABLE there, and completed elsewhere with its profile", async () => {
    const lacking = await startAt("before");
    const able = await startAt("promoted", "before");
    const { challenges } = await able.auth.registerUser({ email: "a@example.com", displayName: "Ada", username: "ada" });
    const guess = { challengeId: challenges[0]!.challengeId, code: await codeOf(challenges[0]) };
    for (let n = 0; n < 12; n += 1) {
      expect(await failureOf(lacking.auth.verifyOtp(guess))).toMatchObject(unavailable);
    }
    const { user } = await able.auth.verifyOtp(guess);
    expect(user).toMatchObject({ displayName: "Ada", username: "ada" });
  });

  it.each<[string, Stage, Stage]>([
    ["while the new keys are announced", "before", "announced"],
    ["while the new keys become current", "announced", "promoted"],
  ])("every call that is made at one process and repeated at the other has one outcome, %s", async (_, behind, ahead) => {
    for (const [here, there] of [
      [await startAt(behind), await startAt(ahead)],
      [running[1]!, running[0]!],
    ] as const) {
      const email = `${running.indexOf(here)}@example.com`;
      const send = { identifier: { case: "email" as const, value: email }, createUserIfMissing: true, idempotencyKey };
      const { challenge } = await here.auth.sendOtp(send);
      expect((await there.auth.sendOtp(send)).challenge!.challengeId).toBe(challenge!.challengeId);
      const guess = { challengeId: challenge!.challengeId, code: await codeOf(challenge), idempotencyKey };
      const first = await here.auth.verifyOtp(guess);
      const again = await there.auth.verifyOtp(guess);
      expect(again.tokens!.refreshToken).toBe(first.tokens!.refreshToken);
      const refresh = { refreshToken: first.tokens!.refreshToken, idempotencyKey };
      const renewed = await there.auth.refreshToken(refresh);
      clock.advance?.(60_000);
      expect((await here.auth.refreshToken(refresh)).tokens!.refreshToken).toBe(renewed.tokens!.refreshToken);
      const register = { email: `r${email}`, displayName: "R", idempotencyKey };
      const { challenges } = await here.auth.registerUser(register);
      expect((await there.auth.registerUser(register)).challenges[0]!.challengeId).toBe(challenges[0]!.challengeId);
      const code = await codeOf(challenges[0]);
      const { user } = await there.auth.verifyOtp({ challengeId: challenges[0]!.challengeId, code });
      expect(user!.displayName).toBe("R");
    }
  });

  it("where one process has the new keys at once and the other only the old ones, a repeat has the first outcome or is UNAVAILABLE", async () => {
    const lacking = await startAt("before");
    const able = await startAt("promoted");
    const send = { identifier: { case: "email" as const, value: "a@example.com" }, createUserIfMissing: true, idempotencyKey };
    const { challenge } = await able.auth.sendOtp(send);
    expect((await lacking.auth.sendOtp(send)).challenge!.challengeId).toBe(challenge!.challengeId);
    const guess = { challengeId: challenge!.challengeId, code: await codeOf(challenge), idempotencyKey };
    const first = await able.auth.verifyOtp(guess);
    expect(await failureOf(lacking.auth.verifyOtp(guess))).toMatchObject(unavailable);
    expect((await able.auth.verifyOtp(guess)).tokens!.refreshToken).toBe(first.tokens!.refreshToken);
  });

  it("a process with only the old keys starts, signs and counts while others have the new ones; a wrong key under a known id does not start", async () => {
    // Commands go by the machine's clock, and one that goes back ends codes.
    clock = Date.now;
    await end(await startAt("before"));
    const able = await startAt("promoted");
    const tokens = await signInAt(able, "a@example.com");
    expect(await runAt("promoted", ["keys", "rotate"])).toBe(0);
    const lacking = await startAt("before");
    expect(lacking.log.lines.filter(({ level }) => level === "warn").map(({ fields }) => fields)).toEqual([
      { use: "master", keyId: "2" },
      { use: "pepper", keyId: "2" },
    ]);
    expect((await lacking.auth.getCurrentUser({}, bearer(tokens.accessToken))).user).toBeDefined();
    expect(await signInAt(lacking, "b@example.com")).toBeDefined();
    // One cooldown over both: the key behind the budgets is the same.
    const send = { identifier: { case: "email" as const, value: "c@example.com" } };
    await able.auth.sendOtp(send);
    expect((await refused(lacking.auth.sendOtp(send))).reason).toBe("TOO_MANY_REQUESTS");
    for (const [variable, own] of [
      ["LATCHKEY_MASTER_KEY", oldMaster],
      ["LATCHKEY_PEPPER", oldPepper],
    ]) {
      const wrong = { ...settingsOf("before", "before"), [variable!]: `1:${own},2:${newKey()}` };
      await expect(startTestApp(wrong, { clock })).rejects.toThrow(`${variable} id 2 is not the key`);
    }
    const early = { ...settingsOf("promoted", "promoted"), LATCHKEY_MASTER_KEY: `2:${newMaster}` };
    await expect(startTestApp(early, { clock })).rejects.toThrow("LATCHKEY_MASTER_KEY id 1, which is not configured");
  });

  it("`latchkey keys retire` refuses to end keys that other processes use; what a retired key made is garbage, and costs no read a call", async () => {
    clock = Date.now;
    const lacking = await startAt("before");
    const able = await startAt("promoted");
    const tokens = await signInAt(able, "a@example.com");
    const { challengeId, code } = await newGuess(able, "b@example.com");
    const lines: string[] = [];
    for (const use of ["master", "pepper"]) expect(await runAt("before", ["keys", "promote", "1", "--use", use])).toBe(0);
    const retire = (use: string, ...more: string[]) => runAt("before", ["keys", "retire", "2", "--use", use, ...more], lines);
    // It is refused for another reason until the process that wrote with the keys has followed.
    for (const [use, sentence] of [
      ["master", "1 live sessions hold tokens made with master key 2"],
      ["pepper", "1 codes that can still be redeemed were made with pepper 2"],
    ] as const) {
      await eventually(sentence, async () => {
        expect(await retire(use)).toBe(1);
        return lines.pop()!.includes(sentence) || undefined;
      });
    }
    expect(await failureOf(lacking.auth.verifyOtp({ challengeId, code }))).toMatchObject(unavailable);
    expect(await failureOf(lacking.auth.refreshToken({ refreshToken: tokens.refreshToken }))).toMatchObject(unavailable);

    await end(able);
    expect(await retire("master", "--revoke-sessions")).toBe(0);
    expect(await retire("pepper", "--revoke-sessions")).toBe(0);
    const ended = await eventually("the end of the key", async () => {
      const failure = await failureOf(lacking.auth.refreshToken({ refreshToken: tokens.refreshToken }));
      return failure.reason === "UNAVAILABLE" ? undefined : failure;
    });
    expect(ended.reason).toBe("SESSION_ENDED");
    expect((await refused(lacking.auth.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
  });

  it("refresh tokens with invented key ids are refused and cost one read of the database a second", async () => {
    const on = await startAt("before");
    const { refreshToken: token } = await signInAt(on, "a@example.com");
    const reads = async () => {
      const text = await (await fetch(`http://127.0.0.1:${on.app.metricsPort}/metrics`)).text();
      return Number(/^latchkey_store_duration_seconds_count{operation="keys.listChecks"} (\d+)$/m.exec(text)?.[1]);
    };
    const before = await reads();
    const startedAt = performance.now();
    const failures = await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        failureOf(on.auth.refreshToken({ refreshToken: token.replace(/^lk1\.1\./, `lk1.x${n}.`) })),
      ),
    );
    expect(new Set(failures.map(({ reason }) => reason))).toEqual(new Set(["SESSION_ENDED", "UNAVAILABLE"]));
    expect((await reads()) - before).toBeLessThanOrEqual(Math.ceil((performance.now() - startedAt) / 1_000));
    expect((await on.auth.refreshToken({ refreshToken: token })).tokens).toBeDefined();
  });
});
