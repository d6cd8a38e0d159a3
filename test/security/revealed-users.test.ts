import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../src/crypto/client-secret.js";
import { AppService } from "../../src/gen/latchkey/v1/app_service_pb.js";
import { newApp } from "../store/contract/directory-fixtures.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { refused, signIn } from "../support/calls.js";
import { connectClient } from "../support/clients.js";
import { testEngines } from "../support/engines.js";
import { addMember } from "../support/members.js";
import { queryRaw } from "../support/raw-database.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const asAdmin = { authorization: `Basic ${Buffer.from(`${admin.clientId}:${admin.clientSecret}`).toString("base64")}` };
const alice = { email: "alice@example.com", phone: "+46701234567", username: "alice" };
const unknown = { email: "nobod@example.com", phone: "+46709876543", username: "nobod" };
const ofOtherApp = { email: "other@example.com", phone: "+46709876541", username: "other" };
const locked = { email: "lockd@example.com", phone: "+46709876542", username: "lockd" };
const kinds = ["email", "phone", "username"] as const;
type Kind = (typeof kinds)[number];
const minute = 60_000;

describe.each(testEngines())("an app that reveals its users, on $engine,", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(
      { ...(await database()), LATCHKEY_LIMIT_ADDRESS_IDENTIFIERS: "8/24h", LATCHKEY_LIMIT_ADDRESS_REGISTRATIONS: "3/1h" },
      { developmentClients: [admin] },
    );
    const { store } = on.app.core.deps;
    const now = on.clock();
    await store.apps.createApp({ app: newApp({ appId: "elsewhere" }), now });
    await addMember(store, { appId: "default", now }, { verifiedAt: now, ...alice });
    await addMember(store, { appId: "default", now }, { verifiedAt: now, ...locked, state: "locked" });
    await addMember(store, { appId: "elsewhere", now }, { verifiedAt: now, ...ofOtherApp });
    await setPolicy({ revealUsers: true });
  });
  afterEach(() => on.stop());

  async function setPolicy(policy: { revealUsers?: boolean; autoRegistration?: boolean }) {
    const updateMask = { paths: ["reveal_users", "auto_registration"] };
    await connectClient(AppService, on.app, asAdmin).updatePolicy({ appId: "default", policy, updateMask });
  }

  const send = (kind: Kind, value: string, more: { createUserIfMissing?: boolean } = {}) =>
    on.auth.sendOtp({ identifier: { case: kind, value }, ...more });
  const register = (fields: { email?: string; phone?: string; username?: string }) =>
    on.auth.registerUser({ email: "", phone: "", username: "", ...fields });

  async function countOf(table: "challenges" | "outbox"): Promise<number> {
    const [row] = await queryRaw<{ n: number | string }>(on, `SELECT count(*) AS n FROM ${table}`);
    return Number(row!.n);
  }

  async function expectNothingSent(call: () => Promise<unknown>, reason: string): Promise<void> {
    const before = await countOf("challenges");
    expect(await refused(call())).toMatchObject({ reason });
    expect([await countOf("challenges"), await countOf("outbox")]).toEqual([before, 0]);
    expect(await (await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages`)).json()).toEqual([]);
  }

  it.each(kinds)("refuses a send for an unknown %s, and for one of another app, and sends nothing", async (kind) => {
    for (const person of [unknown, ofOtherApp]) {
      await expectNothingSent(() => send(kind, person[kind]), "USER_NOT_FOUND");
    }
    expect((await send(kind, alice[kind])).challenge!.codeLength).toBe(6);
    // A locked user is one too.
    expect((await send(kind, locked[kind])).challenge!.codeLength).toBe(6);
  });

  it("sends as ever where the code would create the user", async () => {
    await setPolicy({ revealUsers: true, autoRegistration: true });
    expect((await signIn(on, "newly@example.com")).isNewUser).toBe(true);
    await setPolicy({ revealUsers: true, autoRegistration: false });
    await expectNothingNew(() => send("email", unknown.email, { createUserIfMissing: true }), "USER_NOT_FOUND");
  });

  async function expectNothingNew(call: () => Promise<unknown>, reason: string): Promise<void> {
    const before = await countOf("challenges");
    expect(await refused(call())).toMatchObject({ reason });
    expect(await countOf("challenges")).toBe(before);
  }

  it("counts refused sends like others: the cooldown holds, and an address asks about no more identifiers than it may", async () => {
    await expectNothingSent(() => send("email", unknown.email), "USER_NOT_FOUND");
    await expectNothingSent(() => send("email", unknown.email), "TOO_MANY_REQUESTS");
    on.clock.advance(minute);
    await expectNothingSent(() => send("email", unknown.email), "USER_NOT_FOUND");
    for (let n = 1; n < 8; n += 1) await expectNothingSent(() => send("email", `n${n}@example.com`), "USER_NOT_FOUND");
    await expectNothingSent(() => send("email", "n8@example.com"), "TOO_MANY_REQUESTS");
    expect(await refused(send("email", alice.email))).toMatchObject({ reason: "TOO_MANY_REQUESTS" });
  });

  it("grants calls at the same moment no more than its budgets", async () => {
    const calls = Array.from({ length: 6 }, () => refused(send("email", unknown.email)));
    const reasons = (await Promise.all(calls)).map(({ reason }) => reason).sort();
    expect(reasons).toEqual([...Array(5).fill("TOO_MANY_REQUESTS"), "USER_NOT_FOUND"]);
  });

  it.each(kinds)(
    "refuses a registration with the %s of a user, even one that is not to be proven, and sends nothing",
    async (kind) => {
      const fields = { email: "fresh@example.com", ...{ [kind]: alice[kind] } };
      await expectNothingSent(() => register(fields), "ALREADY_EXISTS");
    },
  );

  it("registers people of other apps, and counts refused registrations like others", async () => {
    expect((await register(ofOtherApp)).challenges).toHaveLength(2);
    await expectNothingNew(() => register({ email: alice.email }), "ALREADY_EXISTS");
    await expectNothingNew(() => register({ email: alice.email }), "TOO_MANY_REQUESTS");
    await expectNothingNew(() => register({ email: locked.email }), "ALREADY_EXISTS");
    await expectNothingNew(() => register({ email: "fresh@example.com" }), "TOO_MANY_REQUESTS");
  });

  it("answers alike again when it no longer does", async () => {
    await setPolicy({});
    for (const { email } of [unknown, alice]) expect((await send("email", email)).challenge!.codeLength).toBe(6);
    on.clock.advance(minute);
    for (const { email } of [unknown, alice]) expect((await register({ email })).challenges).toHaveLength(1);
  });
});
