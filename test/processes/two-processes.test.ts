import { Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { get } from "../serve/probes.js";
import { bearer, keyIdOf, reasonOf, sendCode, signIn } from "../serve/sign-in.js";
import { wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { developmentEnv, endServers, runLatchkey, type Server, startServer, until } from "../support/server.js";

describe.each(testEngines())("two servers on one $engine database", ({ database }) => {
  let first: Server;
  let second: Server;

  beforeAll(async () => {
    const env = { ...developmentEnv(), ...(await database()), LATCHKEY_KEY_LEAD: "0" };
    first = await startServer(env);
    second = await startServer(env, { folder: first.folder });
  });

  afterAll(endServers);

  const both = () => [first, second];
  const identifier = (value: string) => ({ case: "email" as const, value });

  it("the cooldown of a send at one server holds at the other", async () => {
    await sendCode(first, "cooldown@example.com", both());
    expect(await reasonOf(second.grpc.sendOtp({ identifier: identifier("cooldown@example.com") }))).toBe("TOO_MANY_REQUESTS");
  });

  it("guesses are counted together: three here and two there, and the right code is refused everywhere", async () => {
    const { challengeId, code } = await sendCode(first, "guesses@example.com", both());
    const servers = [first, second, first, second, first];
    for (const [n, server] of servers.entries()) {
      expect(await reasonOf(server.grpc.verifyOtp({ challengeId, code: wrongCode(code, n) }))).toBe("CODE_INVALID");
    }
    for (const server of both()) expect(await reasonOf(server.grpc.verifyOtp({ challengeId, code }))).toBe("CODE_INVALID");
  });

  it("of twenty right verifies over both servers at once exactly one gets a session", async () => {
    const { challengeId, code } = await sendCode(second, "race@example.com", both());
    const reasons = await Promise.all(
      Array.from({ length: 20 }, (_, n) => reasonOf(both()[n % 2]!.grpc.verifyOtp({ challengeId, code }))),
    );
    expect(reasons.filter((reason) => reason === null)).toHaveLength(1);
    expect(new Set(reasons)).toEqual(new Set([null, "CODE_INVALID"]));
  });

  it("of twenty refreshes of one token over both servers all get the same successor", async () => {
    const { refreshToken } = await signIn(first, "refresh@example.com", both());
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => both()[n % 2]!.grpc.refreshToken({ refreshToken })));
    expect(new Set(answers.map(({ tokens }) => tokens?.refreshToken)).size).toBe(1);
  });

  it("a session of one server is good at the other, and ended there is ended here at once", async () => {
    const { accessToken, refreshToken } = await signIn(first, "session@example.com", both());
    expect(await reasonOf(second.grpc.getCurrentUser({}, bearer(accessToken)))).toBeNull();
    await second.grpc.revokeToken({ token: refreshToken });
    expect(await reasonOf(first.grpc.getCurrentUser({}, bearer(accessToken)))).toBe("TOKEN_INVALID");
    expect(await reasonOf(first.grpc.refreshToken({ refreshToken }))).toBe("SESSION_ENDED");
  });

  it("every code is sent once, whichever server sends it", async () => {
    const emails = Array.from({ length: 10 }, (_, n) => `once${n}@example.com`);
    await Promise.all(emails.map((email, n) => sendCode(both()[n % 2]!, email, both())));
    const inboxes = await Promise.all(both().map((server) => server.inbox()));
    for (const email of emails) expect(inboxes.flat().filter(({ to }) => to === email)).toHaveLength(1);
  });

  async function published(server: Server): Promise<string[]> {
    const { keys } = JSON.parse((await get(`${server.httpUrl}/.well-known/jwks.json`)).body) as { keys: { kid: string }[] };
    return keys.map(({ kid }) => kid);
  }

  it("a key rotated by the command line is published and signs within seconds at both, and old tokens stay good", async () => {
    const before = await signIn(first, "rotation@example.com", both());
    const rotated = await runLatchkey(["keys", "rotate"], first.env, first.folder);
    expect(rotated).toMatchObject({ code: 0, stderr: [] });
    const keyId = /key (\S+):/.exec(rotated.stdout[0]!)![1]!;
    for (const server of both()) {
      await until("the new key", async () => (await published(server)).includes(keyId) || undefined);
      const { tokens } = await server.grpc.verifyOtp(await sendCode(server, `new-key-${server.pid}@example.com`, both()));
      expect(keyIdOf(tokens!.accessToken)).toBe(keyId);
      expect(await reasonOf(server.grpc.getCurrentUser({}, bearer(before.accessToken)))).toBeNull();
    }
  });

  it("a compromised key is dropped within seconds at both: what it signed is refused, sessions go on", async () => {
    const before = await signIn(second, "compromised@example.com", both());
    expect((await runLatchkey(["keys", "rotate", "--compromised"], first.env, first.folder)).code).toBe(0);
    for (const server of both()) {
      await until("the refusal", async () =>
        (await reasonOf(server.grpc.getCurrentUser({}, bearer(before.accessToken)))) === "TOKEN_INVALID" ? true : undefined,
      );
      expect(await published(server)).toHaveLength(1);
    }
    const { tokens } = await first.grpc.refreshToken({ refreshToken: before.refreshToken });
    expect(await reasonOf(second.grpc.getCurrentUser({}, bearer(tokens!.accessToken)))).toBeNull();
  });

  it("what the command line changes acts at both within a second: a new app and client, its policy, and their end", async () => {
    const latchkey = async (...args: string[]) =>
      expect(await runLatchkey(args, first.env, first.folder)).toMatchObject({ code: 0 });
    const asShop = new Metadata();
    asShop.set("x-latchkey-client", "shop-web");
    let sends = 0;
    /** The length of a code for the client `shop-web`, or the reason of the refusal. */
    async function send(server: Server): Promise<unknown> {
      sends += 1;
      const request = { identifier: identifier(`directory${sends}@example.com`) };
      const sending = server.grpc.sendOtp(request, { metadata: asShop });
      return (await reasonOf(sending)) ?? (await sending).challenge?.codeLength;
    }
    const acts = (expected: unknown) =>
      Promise.all(
        both().map((server) => until(String(expected), async () => (await send(server)) === expected || undefined, 1_000)),
      );
    await acts("CLIENT_UNKNOWN");
    await latchkey("app", "create", "shop");
    await latchkey("client", "create", "--app", "shop", "--kind", "public", "--id", "shop-web");
    await acts(6);
    await latchkey("app", "policy", "shop", "--set", "code_length=8");
    await acts(8);
    await latchkey("app", "delete", "shop", "--yes");
    await acts("CLIENT_UNKNOWN");
  });

  it("one of two servers can end, or be killed, and the other goes on", async () => {
    await second.kill();
    await signIn(first, "alone@example.com");
    second = await second.restart();
    expect((await first.stop()).code).toBe(0);
    await signIn(second, "other@example.com");
  });
});
