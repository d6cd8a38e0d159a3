import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Server, startServer } from "../support/postgres-server.js";
import { inboxMessages } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { requireOf } from "./support/npm-packages.js";
import { until } from "./support/until.js";

interface Verification {
  readonly sid: string;
  readonly serviceSid: string;
  readonly accountSid: string;
  readonly to: string;
  readonly channel: string;
  readonly status: string;
  readonly valid: boolean;
  readonly dateCreated: Date;
  readonly sendCodeAttempts: readonly object[];
}

interface One {
  fetch(): Promise<Verification>;
  update(given: { readonly status: string }): Promise<Verification>;
}

/** What the tests use of the service of Twilio's client. */
interface Service {
  readonly verifications: ((sid: string) => One) & { create(given: object): Promise<Verification> };
  readonly verificationChecks: { create(given: object): Promise<Verification> };
}

interface Client {
  readonly verify: { baseUrl: string; readonly v2: { services(sid: string): Service } };
}

type MakeClient = (accountSid: string, authToken: string) => Client;

let makeClient: MakeClient;
beforeAll(async () => {
  const require = await requireOf("twilio", { twilio: "6.3.1" });
  makeClient = require("twilio") as MakeClient;
}, 240_000);

describe.each(["SQLite", "PostgreSQL"])("npm's twilio on %s", (engine) => {
  let database: Server | undefined;
  let latchkey: Latchkey;
  let sids: { readonly account_sid: string; readonly service_sid: string };
  let secret: string;
  let service: Service;
  let numbers = 5_550_100;
  function newNumber(): string {
    numbers += 1;
    return `+1501${numbers}`;
  }

  function serviceAs(accountSid: string, authToken: string): Service {
    const client = makeClient(accountSid, authToken);
    client.verify.baseUrl = latchkey.issuer;
    return client.verify.v2.services(sids.service_sid);
  }

  beforeAll(async () => {
    if (engine === "PostgreSQL") database = await startServer();
    latchkey = await startLatchkey(database === undefined ? {} : { LATCHKEY_DATABASE_URL: database.url });
    await latchkey.cli("app", "create", "shop", "--name", "Shop", "--preset", "twilio");
    const rights = ["--kind", "confidential", "--scopes", "otp:send,otp:verify,otp:manage", "--json"];
    const made = JSON.parse(await latchkey.cli("client", "create", "--app", "shop", "--id", "shop-backend", ...rights));
    secret = made.client_secret as string;
    await latchkey.cli("client", "update", "shop-backend", "--dialects", "twilio", "--verify-by-identifier");
    sids = JSON.parse(await latchkey.cli("client", "show", "shop-backend", "--json")).twilio;
    service = serviceAs(sids.account_sid, secret);
    await until("the server knows the client", async () => {
      const found = await service
        .verifications("+15015550000")
        .fetch()
        .catch((error: { readonly status: number }) => error);
      return found.status === 404 ? true : undefined;
    });
  });
  afterAll(async () => {
    await latchkey.stop();
    await database?.stop();
  });

  const codeTo = (to: string) =>
    until(`a code to ${to}`, async () => (await inboxMessages(latchkey)).find((message) => message.to === to)?.code);
  const wrong = (code: string) => (code === "000000" ? "111111" : "000000");
  const create = (to: string, more: object = {}) => service.verifications.create({ to, channel: "sms", ...more });
  const check = (code: string, more: object) => service.verificationChecks.create({ code, ...more });

  it("sends a code, sees its verification, and checks a wrong and the right code", async () => {
    const to = newNumber();
    const made = await create(to);
    const { account_sid: accountSid, service_sid: serviceSid } = sids;
    expect(made).toMatchObject({ to, accountSid, serviceSid, channel: "sms", status: "pending", valid: false });
    expect(made.dateCreated).toBeInstanceOf(Date);
    expect(made.sendCodeAttempts).toHaveLength(1);
    expect(await service.verifications(made.sid).fetch()).toMatchObject({ sid: made.sid, to });
    expect(await service.verifications(to).fetch(), "a raw plus sign in the path").toMatchObject({ sid: made.sid });
    const code = await codeTo(to);
    expect(await check(wrong(code), { to })).toMatchObject({ status: "pending", valid: false });
    expect(await check(code, { to })).toMatchObject({ sid: made.sid, status: "approved", valid: true });
  });

  it("checks by the sid of a verification, of an e-mail address too", async () => {
    const to = `ada-${engine.toLowerCase()}@example.com`;
    const { sid } = await create(to, { channel: "email" });
    expect(await check(await codeTo(to), { verificationSid: sid })).toMatchObject({ status: "approved", to });
  });

  it("cancels and approves verifications", async () => {
    for (const status of ["canceled", "approved"]) {
      const to = newNumber();
      const { sid } = await create(to);
      // Nothing is sent for a verification that has ended.
      const code = await codeTo(to);
      expect(await service.verifications(sid).update({ status })).toMatchObject({ sid, status });
      await expect(check(code, { to })).rejects.toMatchObject({ status: 404, code: 20404 });
    }
  });

  it("throws its own errors: too many checks, unknown verifications, invalid numbers, wrong credentials", async () => {
    const to = newNumber();
    await create(to);
    const code = await codeTo(to);
    for (let n = 0; n < 5; n += 1) await check(wrong(code), { to });
    const moreInfo = (code: number) => `https://www.twilio.com/docs/errors/${code}`;
    await expect(check(code, { to })).rejects.toMatchObject({ status: 429, code: 60202, moreInfo: moreInfo(60202) });
    await expect(check(code, { to: newNumber() })).rejects.toMatchObject({ status: 404, code: 20404 });
    await expect(create("5015550123")).rejects.toMatchObject({ status: 400, code: 60200, moreInfo: moreInfo(60200) });
    const stranger = serviceAs(sids.account_sid, `${secret.slice(0, -4)}AAAA`);
    const refused = stranger.verifications.create({ to, channel: "sms" });
    await expect(refused).rejects.toMatchObject({ status: 401, code: 20003 });
    await expect(refused).rejects.toSatisfy((error: Error) => error.constructor.name === "RestException");
  });

  it("an expired code is not found", async () => {
    const to = newNumber();
    await latchkey.cli("app", "policy", "shop", "--set", "code_ttl=2s");
    // The server reads what changed four times a second.
    await sleep(1_000);
    await create(to);
    const code = await codeTo(to);
    await until("the verification has expired", async () => {
      const found = await service
        .verifications(to)
        .fetch()
        .catch((error: { readonly status: number }) => error);
      return found.status === 404 ? true : undefined;
    });
    await expect(check(code, { to })).rejects.toMatchObject({ status: 404, code: 20404 });
  });
});
