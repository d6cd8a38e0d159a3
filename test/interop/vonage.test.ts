import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Server, startServer } from "../support/postgres-server.js";
import { inboxMessages } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { requireOf } from "./support/npm-packages.js";
import { until } from "./support/until.js";

/** What the tests use of `Verify2` of `@vonage/verify2`. */
interface Verify {
  authType: string;
  newRequest(given: object): Promise<{ readonly requestId: string }>;
  checkCode(requestId: string, code: string): Promise<string>;
  cancel(requestId: string): Promise<boolean>;
  nextWorkflow(requestId: string): Promise<boolean>;
}

interface Vonage {
  readonly Verify2: new (auth: unknown, options: { readonly apiHost: string }) => Verify;
  readonly Auth: new (given: object) => unknown;
}

interface Failed {
  readonly name: string;
  readonly response: { readonly status: number; json(): Promise<{ readonly type: string; readonly title: string }> };
}

let vonage: Vonage;
beforeAll(async () => {
  const require = await requireOf("vonage", { "@vonage/verify2": "1.19.0", "@vonage/auth": "1.15.0" });
  vonage = { ...(require("@vonage/verify2") as Pick<Vonage, "Verify2">), ...(require("@vonage/auth") as Pick<Vonage, "Auth">) };
}, 240_000);

describe.each(["SQLite", "PostgreSQL"])("npm's @vonage/verify2 on %s", (engine) => {
  let database: Server | undefined;
  let latchkey: Latchkey;
  let byKey: Verify;
  let bySecret: Verify;
  const applicationId = "78d335fa-323d-0114-9c3d-d6f0d48968cf";
  let numbers = 7_700_900_100;
  function newNumber(): string {
    numbers += 1;
    return `44${numbers}`;
  }

  function verifyWith(given: object): Verify {
    return new vonage.Verify2(new vonage.Auth(given), { apiHost: latchkey.issuer });
  }

  beforeAll(async () => {
    if (engine === "PostgreSQL") database = await startServer();
    latchkey = await startLatchkey(database === undefined ? {} : { LATCHKEY_DATABASE_URL: database.url });
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const keys = { keys: [{ ...publicKey.export({ format: "jwk" }), alg: "RS256" }] };
    writeFileSync(join(latchkey.folder, "keys.json"), JSON.stringify(keys));
    await latchkey.cli("app", "create", "shop", "--name", "Shop", "--preset", "vonage");
    const rights = ["--kind", "confidential", "--scopes", "otp:send,otp:verify,otp:manage", "--json"];
    const create = (id: string, ...more: string[]) =>
      latchkey.cli("client", "create", "--app", "shop", "--id", id, ...rights, ...more);
    const made = JSON.parse(await create("by-secret", "--dialects", "vonage"));
    await create("by-key", "--dialects", "vonage", "--jwks", "keys.json", "--aliases", applicationId);
    bySecret = verifyWith({ apiKey: "by-secret", apiSecret: made.client_secret });
    bySecret.authType = "basic";
    byKey = verifyWith({ applicationId, privateKey: privateKey.export({ type: "pkcs8", format: "pem" }) });
  });
  afterAll(async () => {
    await latchkey.stop();
    await database?.stop();
  });

  const codeTo = (to: string) =>
    until(`a code to ${to}`, async () => (await inboxMessages(latchkey)).find((message) => message.to === to)?.code);
  const wrong = (code: string) => (code === "000000" ? "111111" : "000000");
  const start = (verify: Verify, to: string, more: object = {}) =>
    verify.newRequest({ brand: "ACME, Inc", workflow: [{ channel: "sms", to }], ...more });

  /** Status and kind of the problem that the call fails with. */
  async function problemOf(call: Promise<unknown>): Promise<readonly [status: number, kind: string | undefined]> {
    const error = await call.then(
      () => undefined,
      (reason: unknown) => reason as Failed,
    );
    if (error === undefined) throw new Error("the call did not fail");
    return [error.response.status, (await error.response.json()).type.split("#")[1]];
  }

  it.each(["a key", "a secret"])("authenticates by %s, sends a code, and checks a wrong and the right one", async (how) => {
    const verify = how === "a key" ? byKey : bySecret;
    const to = newNumber();
    const { requestId } = await start(verify, to);
    const code = await codeTo(`+${to}`);
    expect(await problemOf(verify.checkCode(requestId, wrong(code)))).toEqual([400, "invalid-code"]);
    expect(await verify.checkCode(requestId, code)).toBe("completed");
    expect(await problemOf(verify.checkCode(requestId, code))).toEqual([404, "not-found"]);
  });

  it("cancels a request", async () => {
    const to = newNumber();
    const { requestId } = await start(byKey, to);
    // Nothing is sent for a request that has ended.
    const code = await codeTo(`+${to}`);
    expect(await byKey.cancel(requestId)).toBe(true);
    expect(await byKey.cancel(requestId)).toBe(false);
    expect(await problemOf(byKey.checkCode(requestId, code))).toEqual([404, "not-found"]);
  });

  it("begins the next step of a workflow", async () => {
    await latchkey.cli("app", "policy", "shop", "--set", "resend_cooldown=0s");
    // The server reads what changed four times a second.
    await sleep(1_000);
    const to = newNumber();
    const { requestId } = await start(byKey, to, { workflow: ["sms", "voice"].map((channel) => ({ channel, to })) });
    const code = await codeTo(`+${to}`);
    expect(await byKey.nextWorkflow(requestId)).toBe(true);
    const both = async () => (await inboxMessages(latchkey)).filter((message) => message.to === `+${to}`);
    await until("the call", async () => ((await both()).length === 2 ? true : undefined));
    expect(await byKey.nextWorkflow(requestId)).toBe(false);
    expect(await byKey.checkCode(requestId, code)).toBe("completed");
  });

  it("fails with problems: too many checks, invalid parameters, wrong credentials, an expired code", async () => {
    const to = newNumber();
    const { requestId } = await start(byKey, to);
    const code = await codeTo(`+${to}`);
    for (let n = 0; n < 4; n += 1) await problemOf(byKey.checkCode(requestId, wrong(code)));
    expect(await problemOf(byKey.checkCode(requestId, wrong(code)))).toEqual([410, "expired"]);
    expect(await problemOf(byKey.checkCode(requestId, code))).toEqual([410, "expired"]);
    expect(await problemOf(start(byKey, "12"))).toEqual([422, "invalid-params"]);
    const stranger = verifyWith({ apiKey: "by-secret", apiSecret: "wrong" });
    stranger.authType = "basic";
    expect(await problemOf(start(stranger, newNumber()))).toEqual([401, "unauthorized"]);

    await latchkey.cli("app", "policy", "shop", "--set", "code_ttl=2s");
    await sleep(1_000);
    const late = newNumber();
    const request = await start(byKey, late);
    const lateCode = await codeTo(`+${late}`);
    await sleep(2_100);
    expect(await problemOf(byKey.checkCode(request.requestId, lateCode))).toEqual([404, "not-found"]);
  });
});
