import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { guessesKey } from "../../src/auth/budgets.js";
import { StoreUnavailableError } from "../../src/store/port/errors.js";
import { explained, refused, together, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { json, verifyQuestion } from "./hook-server.js";
import { type HookedApp, startHookedApp } from "./hooked-app.js";

const ada = "ada@example.com";

/** The refusal of a registration. */
const refusedFor = (cause?: string) => ({
  reason: "REGISTRATION_REFUSED",
  metadata: cause === undefined ? {} : { cause },
  fields: [],
});

describe.each(testEngines())("a registration hook on $engine", ({ database }) => {
  let app: HookedApp;
  beforeEach(async () => {
    app = await startHookedApp(await database());
  });
  afterEach(() => app.stop());

  it("is asked about a new user, once, with a signature that Standard Webhooks' library accepts", async () => {
    const { challengeId, code } = await app.send(app.web, ada);
    expect(app.hook.questions).toEqual([]);
    const answer = await app.web.verifyOtp({ challengeId, code });
    expect(answer).toMatchObject({ isNewUser: true, tokens: { tokenType: "Bearer" } });
    expect(app.hook.questions).toHaveLength(1);
    const question = app.hook.questions[0]!;
    const expected = {
      type: "registration.requested",
      timestamp: new Date(app.on.clock()).toISOString(),
      data: {
        app_id: "shop",
        client_id: "shop-web",
        challenge_id: challengeId,
        new_to_pool: true,
        test: false,
        contacts: [{ kind: "email", value: ada }],
        profile: { username: null, display_name: "", locale: "", custom_attributes: {} },
      },
    };
    expect(verifyQuestion(app.secret(), question, app.on.clock())).toEqual(expected);
    expect(question.headers).toMatchObject({ "webhook-id": challengeId, "content-type": "application/json" });
    const other = `whsec_${Buffer.alloc(32).toString("base64")}`;
    expect(() => verifyQuestion(other, question, app.on.clock())).toThrow("No matching signature");
  });

  it("gives a new user roles and app attributes, which the tokens carry", async () => {
    await app.admin("AppService/UpdatePolicy", {
      appId: "shop",
      policy: { tokenFields: { fields: ["TOKEN_FIELD_ROLES"] }, tokenAttributes: { names: ["tier"] } },
      updateMask: "tokenFields,tokenAttributes",
    });
    app.hook.answer(json({ decision: "allow", roles: ["seller", "seller"], app_attributes: { tier: "gold", since: 2026 } }));
    const { tokens } = await app.web.verifyOtp(await app.send(app.web, ada));
    expect(decodeJwt(tokens!.accessToken)).toMatchObject({ roles: ["seller"], app: { tier: "gold" } });
    const { membership } = (await app.memberOf(ada))!;
    expect(membership).toMatchObject({ roles: ["seller"], state: "active" });
    expect(JSON.parse(membership!.appAttributes)).toEqual({ tier: "gold", since: 2026 });
  });

  it("refuses a new user with its reason: the code is consumed and there is no user", async () => {
    app.hook.answer(json({ decision: "refuse", reason: "Only employees may register." }));
    const redeemed = await app.send(app.web, ada);
    expect(await explained(app.web.verifyOtp(redeemed))).toEqual(refusedFor("Only employees may register."));
    const { store } = app.on.app.core.deps;
    expect(await store.challenges.find(redeemed.challengeId, false)).toMatchObject({ cancelledAt: app.on.clock() });
    expect(await app.memberOf(ada)).toBe(null);
    app.hook.answer(json({ decision: "allow" }));
    expect((await refused(app.web.verifyOtp(redeemed))).reason).toBe("CODE_INVALID");
    expect(app.hook.questions).toHaveLength(1);
    app.on.clock.advance(60_000);
    expect(await app.web.verifyOtp(await app.send(app.web, ada))).toMatchObject({ isNewUser: true });
  });

  it("that refuses a right code leaves no failure of the contact, no failure of the requester and no lockout", async () => {
    const lockout = { lockoutFailures: 1, lockoutDuration: "900s" };
    const updateMask = Object.keys(lockout).join(",");
    await app.admin("AppService/UpdatePolicy", { appId: "shop", policy: lockout, updateMask });
    app.hook.answer(json({ decision: "refuse" }));
    const { lookup, store } = app.on.app.core.deps;
    const identifierKey = lookup.identifier("main", { kind: "email", value: ada });
    const requesterKey = lookup.requester({ poolId: "main", backendId: null, address: "127.0.0.1" });
    const keys = [guessesKey(identifierKey), Buffer.concat([Buffer.of(7), identifierKey, requesterKey])];
    for (const _ of [1, 2]) {
      const { challengeId, code } = await app.send(app.web, ada);
      expect(await explained(app.web.verifyOtp({ challengeId, code }))).toEqual(refusedFor());
      expect(await store.budgets.countFailures({ keys, now: app.on.clock() })).toEqual([0, 0]);
      app.on.clock.advance(180_000);
    }
    const { challengeId, code } = await app.send(app.web, ada);
    await refused(app.web.verifyOtp({ challengeId, code: wrongCode(code) }));
    expect(await store.budgets.countFailures({ keys, now: app.on.clock() })).toEqual([1, 1]);
  });

  it("is asked again, as the same question, by a repeat 5 s after the store failed: one user", async () => {
    const { challenges } = app.on.app.core.deps.store;
    const { redeem } = challenges;
    let failing = 1;
    challenges.redeem = async (change) => {
      if (change.newMembership !== null && failing-- > 0) throw new StoreUnavailableError("planted");
      return await redeem(change);
    };
    const redeemed = await app.send(app.web, ada);
    const call = { ...redeemed, idempotencyKey: "repeat-after-failure-1" };
    expect((await refused(app.web.verifyOtp(call))).reason).toBe("UNAVAILABLE");
    expect(await app.memberOf(ada)).toBe(null);
    app.on.clock.advance(4_999);
    expect((await refused(app.web.verifyOtp(call))).reason).toBe("CODE_INVALID");
    expect(app.hook.questions).toHaveLength(1);
    app.on.clock.advance(1);
    const { results, reasons } = await together(3, () => app.web.verifyOtp(redeemed));
    expect([results.length, reasons]).toEqual([1, { CODE_INVALID: 2 }]);
    expect(results[0]).toMatchObject({ isNewUser: true });
    expect(app.hook.questions.map(({ headers }) => headers["webhook-id"])).toEqual(Array(2).fill(redeemed.challengeId));
    for (const question of app.hook.questions) verifyQuestion(app.secret(), question, app.on.clock());
    expect((await app.memberOf(ada))?.membership?.state).toBe("active");
  });

  it("is called once by 20 parallel right guesses, of which one signs in", async () => {
    const redeemed = await app.send(app.web, ada);
    const { results, reasons } = await together(20, () => app.web.verifyOtp(redeemed));
    expect([results.length, reasons]).toEqual([1, { CODE_INVALID: 19 }]);
    expect(app.hook.questions).toHaveLength(1);
    expect((await app.memberOf(ada))?.membership?.state).toBe("active");
  });

  it("is called once by 20 parallel right guesses if it refuses, and none signs in", async () => {
    app.hook.answer(json({ decision: "refuse" }));
    const redeemed = await app.send(app.web, ada);
    const { results, reasons } = await together(20, () => app.web.verifyOtp(redeemed));
    expect([results, reasons]).toEqual([[], { REGISTRATION_REFUSED: 1, CODE_INVALID: 19 }]);
    expect(app.hook.questions).toHaveLength(1);
    expect(await app.memberOf(ada)).toBe(null);
  });

  it("is not called for a user who signs in again, whatever it would say", async () => {
    await app.web.verifyOtp(await app.send(app.web, ada));
    app.hook.answer(json({ decision: "refuse" }));
    app.on.clock.advance(60_000);
    expect(await app.web.verifyOtp(await app.send(app.web, ada))).toMatchObject({ isNewUser: false });
    expect(app.hook.questions).toHaveLength(1);
  });

  it("is not called by a wrong code, by a code that must not create a user, or by a proof of a contact", async () => {
    const { challengeId, code } = await app.send(app.web, ada);
    expect((await refused(app.web.verifyOtp({ challengeId, code: wrongCode(code) }))).reason).toBe("CODE_INVALID");
    const narrowed = app.web.verifyOtp({ challengeId, code, createUserIfMissing: false });
    expect((await refused(narrowed)).reason).toBe("CODE_INVALID");
    const { challenge } = await app.web.sendOtp({ identifier: { case: "email", value: "bo@example.com" }, purpose: 3 });
    await app.web.verifyOtp(await app.on.messageOf(challenge));
    expect(app.hook.questions).toEqual([]);
  });

  it("is asked about a person of the pool who joins the app, without the profile that the pool has", async () => {
    await app.other.verifyOtp(await app.send(app.other, ada));
    app.on.clock.advance(60_000);
    expect(app.hook.questions).toEqual([]);
    app.hook.answer(json({ decision: "refuse" }));
    expect(await explained(app.web.verifyOtp(await app.send(app.web, ada)))).toEqual(refusedFor());
    expect(app.hook.questions[0]!.body.data).toMatchObject({
      new_to_pool: false,
      contacts: [{ kind: "email", value: ada }],
      profile: null,
    });
    expect((await app.memberOf(ada))?.membership).toBe(null);
    app.hook.answer(json({ decision: "allow", roles: ["buyer"] }));
    app.on.clock.advance(60_000);
    expect(await app.web.verifyOtp(await app.send(app.web, ada))).toMatchObject({ isNewUser: true });
    expect((await app.memberOf(ada))?.membership?.roles).toEqual(["buyer"]);
  });

  it("is asked once about a registration with two contacts: before the last one, however they are verified", async () => {
    const phone = "+46701740605";
    const request = { username: "ada", email: ada, phone, displayName: "Ada", customAttributes: { plan: "pro" } };
    const { challenges } = await app.web.registerUser(request);
    const codes = await Promise.all(challenges.map((challenge) => app.on.messageOf(challenge)));
    const answers = await Promise.all(codes.map((redeemed) => app.web.verifyOtp(redeemed)));
    expect(answers.map(({ isNewUser }) => isNewUser).toSorted()).toEqual([false, true]);
    expect(app.hook.questions).toHaveLength(1);
    expect(app.hook.questions[0]!.body.data).toMatchObject({
      new_to_pool: true,
      contacts: [
        { kind: "email", value: ada },
        { kind: "phone", value: phone },
      ],
      profile: { username: "ada", display_name: "Ada", custom_attributes: { plan: "pro" } },
    });
    expect((await app.memberOf(ada))?.user.contacts).toHaveLength(2);
  });

  it("is not asked after it was removed, and its secret is gone", async () => {
    await app.admin("AppService/DeleteRegistrationHook", { appId: "shop" });
    expect(await app.web.verifyOtp(await app.send(app.web, ada))).toMatchObject({ isNewUser: true });
    expect(app.hook.questions).toEqual([]);
    expect((await app.on.app.core.deps.store.keys.list()).filter(({ use }) => use === "hook")).toEqual([]);
  });

  it("signs with the secret that replaced another one", async () => {
    const old = app.secret();
    await app.put();
    expect(app.secret()).not.toBe(old);
    await app.web.verifyOtp(await app.send(app.web, ada));
    verifyQuestion(app.secret(), app.hook.questions[0]!, app.on.clock());
  });

  it("leaves no contact and no secret in log lines and metrics, which count its answers", async () => {
    await app.web.verifyOtp(await app.send(app.web, ada));
    app.hook.answer(json({ decision: "refuse", reason: "Sorry, Ada." }));
    await refused(app.web.verifyOtp(await app.send(app.web, "bo@example.com")));
    app.hook.answer(json({ note: "bo@example.com" }, 500));
    await refused(app.web.verifyOtp(await app.send(app.web, "cy@example.com")));
    const lines = app.on.log.lines.filter(({ message }) => message.startsWith("registration hook"));
    expect(lines.map(({ level, fields: { outcome, why, code } }) => [level, outcome, why, code])).toEqual([
      ["info", "allowed", undefined, undefined],
      ["info", "refused", undefined, undefined],
      ["warn", "refused", "status", "500"],
    ]);
    const log = JSON.stringify(app.on.log.lines);
    for (const secret of [ada, "bo@example.com", "cy@example.com", "Sorry", app.secret(), app.secret().slice(6)]) {
      expect(log).not.toContain(secret);
    }
    const metrics = await (await fetch(`http://127.0.0.1:${app.on.app.metricsPort}/metrics`)).text();
    for (const outcome of ["allowed", "refused", "failed"]) {
      expect(metrics).toContain(`latchkey_registration_hook_duration_seconds_count{outcome="${outcome}"} 1`);
    }
  });
});

describe("a registration hook that gives no valid answer", () => {
  let app: HookedApp;
  beforeEach(async () => {
    app = await startHookedApp();
  });
  afterEach(() => app.stop());

  it("within 2 s refuses the user if it fails closed, and allows the user without roles if it fails open", async () => {
    app.hook.answer(() => {});
    const closed = await app.send(app.web, ada);
    expect(await explained(app.web.verifyOtp(closed))).toEqual(refusedFor());
    expect(await app.memberOf(ada)).toBe(null);
    expect((await refused(app.web.verifyOtp(closed))).reason).toBe("CODE_INVALID");
    await app.put({ onFailure: "HOOK_FAILURE_ALLOW" });
    expect(await app.web.verifyOtp(await app.send(app.web, "bo@example.com"))).toMatchObject({ isNewUser: true });
    expect((await app.memberOf("bo@example.com"))?.membership).toMatchObject({ roles: [], appAttributes: "" });
    expect(app.hook.questions).toHaveLength(2);
  });
});

it("a hook's secret is not in the database files, in any form", async () => {
  const app = await startHookedApp();
  const raw = Buffer.from(app.secret().slice("whsec_".length), "base64");
  await app.on.app.stop();
  const files = readdirSync(app.on.folder).map((name) => readFileSync(join(app.on.folder, name)));
  expect(files.some((file) => file.includes("shop"))).toBe(true);
  for (const file of files) {
    expect(file.includes(raw)).toBe(false);
    expect(file.includes(app.secret().slice("whsec_".length, 20))).toBe(false);
  }
  await app.stop();
});
