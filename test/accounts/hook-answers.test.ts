import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRegistrationHook } from "../../src/accounts/registration-hook.js";
import type { AskRegistrationHook } from "../../src/auth/registration-hook.js";
import { createHookSecrets, type HookSecrets } from "../../src/crypto/hook-secrets.js";
import { createSealer } from "../../src/crypto/sealing.js";
import type { App, RegistrationHook } from "../../src/model/app.js";
import { createOutbound } from "../../src/outbound/outbound.js";
import type { Store } from "../../src/store/port/store.js";
import { openMemory, ringOf, t0 } from "../crypto/fixtures.js";
import { newApp } from "../store/contract/directory-fixtures.js";
import { type KeptLog, keptLog, testSettings } from "../support/app.js";
import { type HookServer, json, startHookServer, verifyQuestion } from "./hook-server.js";

let store: Store;
let hook: HookServer;
let log: KeptLog;
let ask: AskRegistrationHook;
let secret: string;
let stored: RegistrationHook;
let ended: string[];

beforeEach(async () => {
  store = await openMemory();
  hook = await startHookServer();
  log = keptLog();
  ended = [];
  const hookSecrets = createHookSecrets({ store, sealer: createSealer(ringOf("m1")) });
  const made = await hookSecrets.make(t0);
  secret = made.secret;
  await store.keys.add({ key: made.key });
  stored = { url: hook.url, keyId: made.key.keyId, failOpen: false };
  await store.apps.createApp({ app: newApp({ appId: "shop", registrationHook: stored }), now: t0 });
  ask = askBy(hookSecrets);
});

afterEach(async () => {
  hook.stop();
  await store.close();
});

function askBy(hookSecrets: HookSecrets): AskRegistrationHook {
  return createRegistrationHook({
    clock: () => t0,
    store,
    hookSecrets,
    outbound: createOutbound({ allowed: ["127.0.0.1"] }),
    log,
    metrics: { registrationHookEnded: (outcome) => ended.push(outcome) },
  });
}

/** Asks about a new user of an app that has two roles and this hook. */
function asked(registrationHook: RegistrationHook | null = stored) {
  const { policy } = testSettings({});
  const about = { ...newApp({ appId: "shop" }), number: 2, roles: ["buyer", "seller"], policy } satisfies Omit<
    App,
    "registrationHook"
  >;
  return ask({
    app: { ...about, registrationHook },
    challengeId: "c1",
    clientId: "shop-web",
    correlationId: "",
    isTest: false,
    contacts: [{ kind: "email", value: "ada@example.com" }],
    profile: null,
  });
}

type By = (response: ServerResponse) => void;

describe("an answer that is not valid", () => {
  it.each<[string, string, By]>([
    ["status", "500", json({ decision: "allow" }, 500)],
    ["status", "201", json({ decision: "allow" }, 201)],
    ["status", "204", (response) => response.writeHead(204).end()],
    ["status", "302", (response) => response.writeHead(302, { location: hook.url }).end('{"decision":"allow"}')],
    ["not_json", "200", (response) => response.end("allow")],
    ["not_json", "200", (response) => response.end("")],
    ["not_json", "200", (response) => response.end('["allow"]')],
    ["not_json", "200", (response) => response.end(Buffer.from('{"decision":"allow","x":"\xff"}', "latin1"))],
    ["not_json", "200", (response) => response.end("[".repeat(60_000))],
    ["decision_invalid", "200", json({})],
    ["decision_invalid", "200", json({ decision: true })],
    ["decision_invalid", "200", json({ decision: "Allow" })],
    ["roles_invalid", "200", json({ decision: "allow", roles: ["admin"] })],
    ["roles_invalid", "200", json({ decision: "allow", roles: ["buyer", "admin"] })],
    ["roles_invalid", "200", json({ decision: "allow", roles: "buyer" })],
    ["roles_invalid", "200", json({ decision: "allow", roles: [1] })],
    ["app_attributes_invalid", "200", json({ decision: "allow", app_attributes: ["a"] })],
    ["app_attributes_invalid", "200", json({ decision: "allow", app_attributes: { a: { b: { c: { d: { e: { f: 1 } } } } } } })],
    ["app_attributes_invalid", "200", json({ decision: "allow", app_attributes: { text: "a".repeat(9_000) } })],
    ["app_attributes_invalid", "200", (response) => response.end('{"decision":"allow","app_attributes":{"__proto__":{}}}')],
    ["too_large", "", json({ decision: "allow", padding: "a".repeat(70_000) })],
    ["unreachable", "ECONNRESET", (response) => response.destroy()],
  ])("refuses if the hook fails closed and allows without roles if it fails open: %s %s", async (why, code, by) => {
    hook.answer(by);
    expect(await asked()).toEqual({ kind: "refused", reason: "" });
    expect(await asked({ ...stored, failOpen: true })).toEqual({ kind: "allowed", roles: [], appAttributes: "" });
    expect(hook.questions).toHaveLength(2);
    expect(ended).toEqual(["failed", "failed"]);
    expect(log.lines.map(({ level, fields }) => [level, fields.outcome, fields.why, fields.code])).toEqual([
      ["warn", "refused", why, code],
      ["warn", "allowed", why, code],
    ]);
    expect(({} as { admin?: boolean }).admin).toBe(undefined);
  });
});

describe("a refusal", () => {
  it("counts whatever else the answer has, also if the hook fails open", async () => {
    hook.answer(json({ decision: "refuse", reason: 5, roles: ["admin"], app_attributes: 1 }));
    expect(await asked({ ...stored, failOpen: true })).toEqual({ kind: "refused", reason: "" });
  });

  it("has its reason on one line of at most 200 characters", async () => {
    hook.answer(json({ decision: "refuse", reason: `No\r\n\u202eentry ${"é".repeat(300)}` }));
    expect(await asked()).toEqual({ kind: "refused", reason: `No entry ${"é".repeat(191)}` });
  });
});

describe("a hook of an app that has changed since the call began", () => {
  it("is asked with the secret that replaced the known one", async () => {
    hook.answer(json({ decision: "allow", roles: ["buyer"] }));
    const answer = await asked({ url: `${hook.url}/old`, keyId: "replaced", failOpen: true });
    expect(answer).toEqual({ kind: "allowed", roles: ["buyer"], appAttributes: "" });
    verifyQuestion(secret, hook.questions[0]!, t0);
  });

  it("is not asked if the app has none any more", async () => {
    await store.apps.changeApp({ appId: "shop", apply: (was) => ({ ...was, registrationHook: null }) });
    expect(await asked()).toMatchObject({ kind: "allowed" });
    expect(hook.questions).toEqual([]);
  });

  it("fails if no configured master key opens its secret", async () => {
    ask = askBy(createHookSecrets({ store, sealer: createSealer(ringOf("m2")) }));
    expect(await asked()).toEqual({ kind: "refused", reason: "" });
    expect(log.lines[0]?.fields.why).toBe("secret_lost");
    expect(hook.questions).toEqual([]);
  });

  it("is not called at an address that is private now", async () => {
    expect(await asked({ ...stored, url: "https://169.254.169.254/latest/meta-data/" })).toMatchObject({ kind: "refused" });
    expect(log.lines[0]?.fields.why).toBe("address_refused");
  });
});
