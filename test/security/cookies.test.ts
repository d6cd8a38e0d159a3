import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { defaultAppId } from "../../src/model/app.js";
import { startTestApp, type TestApp, testSettings } from "../support/app.js";
import { type Answer, type CookieBrowser, openBrowser, type PostOptions, pageOrigin } from "../support/cookie-browser.js";
import { createDirectory, plainApp, publicClient } from "../support/directory.js";
import { testEngines } from "../support/engines.js";

const shopOrigin = "https://shop.example.com";

/** Origins that the app does not list, although they look like the one that it lists. */
const foreignOrigins = [
  "https://evil.test",
  "null",
  `${pageOrigin}.evil.test`,
  "https://notapp.example.com",
  "https://sub.app.example.com",
  "https://example.com",
  "http://app.example.com",
  "https://APP.example.com",
  `${pageOrigin}:443`,
  `${pageOrigin}:8443`,
  `${pageOrigin}/`,
  `${pageOrigin}@evil.test`,
  `${pageOrigin}, https://evil.test`,
  "http://localhost:3000",
];

/** What a page of a stranger can make the owner's browser send, which adds the owner's cookie to it. */
const forgeries: Readonly<Record<string, PostOptions>> = {
  ...Object.fromEntries(foreignOrigins.map((origin) => [`a fetch with credentials from ${origin}`, { origin }])),
  "a fetch with credentials and no Origin": { origin: null },
  "a form": form("application/x-www-form-urlencoded"),
  "a form in parts": form("multipart/form-data; boundary=x"),
  "a form of text/plain, whose body is JSON": form("text/plain"),
  "a beacon without a type": form(""),
  "a text/plain fetch without an Origin": { ...form("text/plain"), origin: null },
  "a text/plain fetch from an opaque page": { ...form("text/plain"), origin: "null" },
  "a text/plain fetch from a page of the app": { ...form("text/plain"), origin: pageOrigin },
  "JSON without the header that asks for the cookie": { origin: "https://evil.test", headers: { "x-latchkey-session": "" } },
};

/** Without a preflight a browser sends no header of the page's choice but this one. */
function form(contentType: string): PostOptions {
  const headers = { "content-type": contentType, "connect-protocol-version": "", "x-latchkey-session": "" };
  return { origin: "https://evil.test", headers };
}

describe.each(testEngines())("the session cookie on $engine", ({ database }) => {
  let on: TestApp;
  let browser: CookieBrowser;
  let owner: string;
  let attacker: string;
  let people = 0;
  beforeAll(async () => {
    on = await startTestApp({ ...(await database()), LATCHKEY_ALLOWED_ORIGINS: pageOrigin }, { directory: twoApps() });
  });
  afterAll(() => on.stop());
  beforeEach(() => {
    browser = openBrowser(on);
    people += 1;
    owner = `owner${people}@example.com`;
    attacker = `attacker${people}@example.com`;
  });

  /** Everything that a forged call could have changed. A code that was sent by then would have arrived with the last one. */
  async function state(): Promise<unknown> {
    const { body } = await browser.post("ListSessions", {});
    const me = await browser.post("GetCurrentUser", {});
    const probe = await on.auth.sendOtp({
      identifier: { case: "email", value: `probe${probes++}@example.com` },
      createUserIfMissing: true,
    });
    await on.messageOf(probe.challenge);
    const sent = [...(await on.messages(owner)), ...(await on.messages(attacker, 0))];
    const sessions = (body.sessions as { sessionId: string }[] | undefined)?.map(({ sessionId }) => sessionId);
    return { sessions, user: me.body.user, codes: sent.map(({ code }) => code), cookie: browser.cookie() };
  }
  let probes = 0;

  describe("of a sign-in", () => {
    it("L04: is host-only, secure, out of reach of scripts, opaque and short, and the answer has no other secret", async () => {
      const answer = await browser.signIn(owner);
      expect(answer.status).toBe(200);
      const [line, ...more] = answer.headers.getSetCookie();
      expect(more).toEqual([]);
      expect(line).toMatch(
        /^__Host-latchkey=lkc_[A-Za-z0-9_-]{43}; Path=\/; Max-Age=[1-9]\d{3,7}; Secure; HttpOnly; SameSite=Lax$/,
      );
      const fields = ["contact", "isNewUser", "purpose", "sessionCredentialExpiresAt", "sessionId", "user"];
      expect(Object.keys(answer.body).toSorted()).toEqual(fields);
      expect(answer.text).not.toContain("lkc_");
      const { user } = answer.body;
      expect((await browser.post("GetCurrentUser", {})).body).toEqual({ user });
    });

    it("is in every answer to the calls of one idempotency key, in parallel and later, so that a lost answer loses no session", async () => {
      const { challenge } = await on.auth.sendOtp({ identifier: { case: "email", value: owner }, createUserIfMissing: true });
      const { challengeId, code } = await on.messageOf(challenge);
      const request = { challengeId, code, idempotencyKey: `verify-${owner}-1234567890` };
      const verify = () => openBrowser(on).post("VerifyOtp", request);
      const answers = [...(await Promise.all(Array.from({ length: 8 }, verify))), await verify()];
      const cookies = answers.map(({ headers }) => headers.getSetCookie().join().split(";")[0]!);
      expect(cookies[0]).toMatch(/^__Host-latchkey=lkc_/);
      expect(new Set(cookies)).toEqual(new Set([cookies[0]]));
      expect(answers.map(({ text }) => text).join()).not.toContain("lkc_");
      const { body } = await browser.post("ListSessions", {}, { cookie: cookies[0]! });
      expect(body.sessions).toHaveLength(1);
    });

    it("proves the user of a contact change, from a page of the app alone, and of its own user alone", async () => {
      await browser.signIn(owner);
      const email = `new-${owner}`;
      const started = await browser.post("StartContactChange", { email });
      const { challengeId, code } = await on.messageOf(started.body.challenge as { challengeId: string });
      const request = { challengeId, code };
      const other = openBrowser(on);
      await other.signIn(attacker);
      expect((await other.post("VerifyOtp", request)).reason).toBe("CODE_INVALID");
      expect((await browser.post("VerifyOtp", request, { cookie: "" })).reason).toBe("CODE_INVALID");
      for (const origin of ["https://evil.test", null]) {
        expectRefused(await browser.post("VerifyOtp", request, { origin }), String(origin));
        expectRefused(await browser.post("StartContactChange", { email }, { origin }), String(origin));
      }
      const valuesOf = ({ body }: Answer) =>
        (body.user as { contacts: { value: string }[] }).contacts.map(({ value }) => value);
      expect(valuesOf(await browser.post("GetCurrentUser", {}))).toEqual([owner]);
      on.clock.advance(1000);
      const changed = await browser.post("VerifyOtp", request);
      expect(valuesOf(changed)).toEqual([owner, email]);
      expect(changed.headers.getSetCookie()).toEqual([]);
      expect(valuesOf(await browser.post("GetCurrentUser", {}))).toEqual([owner, email]);
    });

    it("works after the server has started again, and over Connect's GET", async () => {
      const { user } = (await browser.signIn(owner)).body;
      on = await on.restart();
      const cookie = browser.cookie();
      browser = openBrowser(on);
      expect((await browser.post("GetCurrentUser", {}, { cookie })).body).toEqual({ user });
      const get = "GetCurrentUser?connect=v1&encoding=json&message=%7B%7D";
      expect((await browser.post(get, {}, { cookie, method: "GET" })).body).toEqual({ user });
    });

    it("H13: is new at every sign-in: a planted one is not taken over, and its owner does not see the new session", async () => {
      const stranger = openBrowser(on);
      await stranger.signIn(attacker);
      const planted = stranger.cookie();
      const made = `__Host-latchkey=lkc_${"A".repeat(43)}`;
      for (const cookie of [planted, made]) {
        on.clock.advance(120_000);
        await browser.signIn(owner, { cookie });
        expect(browser.cookie()).toMatch(/^__Host-latchkey=lkc_/);
        expect([planted, made]).not.toContain(browser.cookie());
      }
      expect((await stranger.post("GetCurrentUser", {})).text).toContain(attacker);
      expect((await stranger.post("GetCurrentUser", {}, { cookie: made })).reason).toBe("TOKEN_INVALID");
    });

    it("reads for a server that renders a page, which sends no Origin", async () => {
      const { user } = (await browser.signIn(owner)).body;
      const { cookie } = browser;
      expect((await openBrowser(on).post("GetCurrentUser", {}, { cookie: cookie(), origin: null })).body).toEqual({ user });
    });

    it("M01: is in no line of the log", async () => {
      await browser.signIn(owner);
      await browser.post("GetCurrentUser", {});
      await browser.post("GetCurrentUser", {}, { cookie: `${browser.cookie()}; ${browser.cookie()}` });
      const credential = browser.cookie().split("=")[1]!;
      await browser.post("RevokeToken", {});
      expect(JSON.stringify(on.log.lines)).not.toContain(credential.slice(4, 20));
    });

    it("L06, L07: no answer may be cached, sniffed or traced to a version", async () => {
      const answers = [
        await browser.signIn(owner),
        await browser.post("GetCurrentUser", {}),
        await browser.post("GetCurrentUser", {}, { cookie: "__Host-latchkey=lkc_1" }),
        await browser.post("GetCurrentUser?connect=v1&encoding=json&message=%7B%7D", {}, { method: "GET" }),
        await browser.post("UpdateCurrentUser", {}, { origin: "https://evil.test" }),
        await browser.post("RevokeToken", {}),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 401, 200, 403, 200]);
      for (const { headers } of answers) {
        expect(headers.get("cache-control")).toBe("no-store");
        expect(headers.get("vary")).toContain("Origin");
        expect(headers.get("x-content-type-options")).toBe("nosniff");
        expect(headers.get("referrer-policy")).toBe("no-referrer");
        expect(headers.get("content-type")).toBe("application/json");
        for (const name of ["server", "x-powered-by"]) expect(headers.has(name)).toBe(false);
      }
    });
  });

  describe("L03: CSRF", () => {
    const changes = (): Readonly<Record<string, object>> => ({
      RevokeToken: {},
      RevokeOtherSessions: {},
      UpdateCurrentUser: { updateMask: "displayName", displayName: "Mallory" },
      DeleteCurrentUser: {},
      SendOtp: { email: attacker, createUserIfMissing: true },
      RegisterUser: { email: attacker },
    });

    it.each(Object.entries(forgeries))("%s changes nothing and sends nothing", async (_what, options) => {
      await openBrowser(on).signIn(owner);
      on.clock.advance(120_000);
      await browser.signIn(owner);
      const before = await state();
      const { cookie } = browser;
      const others = ((await browser.post("ListSessions", {})).body.sessions as { sessionId: string; current?: boolean }[])
        .filter(({ current }) => current !== true)
        .map(({ sessionId }) => ({ RevokeSession: { sessionId } }));
      expect(others).toHaveLength(1);
      for (const [rpc, request] of Object.entries({ ...changes(), ...others[0] })) {
        const forged = openBrowser(on);
        const answer = await forged.post(rpc, request, { ...options, cookie: cookie() });
        expectRefused(answer, rpc);
        expect(forged.cookie()).toBe("");
      }
      expect(await state()).toEqual(before);
    });

    it("the same calls from a page of the app do change all of it", async () => {
      await openBrowser(on).signIn(owner);
      on.clock.advance(120_000);
      await browser.signIn(owner);
      const { RevokeToken: signOut, DeleteCurrentUser: deletion, RevokeOtherSessions: others, ...rest } = changes();
      expect((await browser.post("RevokeOtherSessions", others!)).body).toEqual({ revokedCount: 1 });
      for (const [rpc, request] of Object.entries(rest)) {
        on.clock.advance(120_000);
        expect((await browser.post(rpc, request)).status, rpc).toBe(200);
      }
      expect((await browser.post("GetCurrentUser", {})).text).toContain("Mallory");
      expect(await on.messages(attacker, 2)).toHaveLength(2);
      expect((await browser.post("RevokeToken", signOut!)).status).toBe(200);
      expect(browser.cookie()).toBe("");
      on.clock.advance(120_000);
      await browser.signIn(owner);
      expect((await browser.post("DeleteCurrentUser", deletion!)).status).toBe(200);
      expect((await browser.post("GetCurrentUser", {})).reason).toBe("TOKEN_INVALID");
    });

    it("an image or a link reads nothing: a GET without the header has no session", async () => {
      await browser.signIn(owner);
      for (const rpc of ["GetCurrentUser", "ListSessions"]) {
        const query = `${rpc}?connect=v1&encoding=json&message=%7B%7D`;
        const headers = { "x-latchkey-session": "", "content-type": "", "connect-protocol-version": "" };
        for (const origin of [null, "https://evil.test"]) {
          const answer = await browser.post(query, {}, { method: "GET", origin, headers });
          expect(["TOKEN_INVALID", "ORIGIN_NOT_ALLOWED"]).toContain(answer.reason);
          expect(answer.text).not.toContain(owner);
        }
      }
      for (const rpc of ["RevokeToken", "DeleteCurrentUser"]) {
        const query = `${rpc}?connect=v1&encoding=json&message=%7B%7D`;
        expect((await browser.post(query, {}, { method: "GET" })).status).toBe(405);
      }
      expect((await browser.post("GetCurrentUser", {})).text).toContain(owner);
    });

    it("a foreign page reads nothing, even if its browser sent the header", async () => {
      await browser.signIn(owner);
      for (const origin of foreignOrigins) {
        const answer = await browser.post("GetCurrentUser", {}, { origin });
        expect([origin, answer.status, answer.reason]).toEqual([origin, 403, "ORIGIN_NOT_ALLOWED"]);
        expect(answer.headers.get("access-control-allow-origin")).toBeNull();
        expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
      }
    });

    it("L01: the preflight for the header and the cookie fails for every foreign origin", async () => {
      const headers = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "connect-protocol-version,content-type,x-latchkey-session",
      };
      for (const origin of foreignOrigins) {
        const answer = await browser.post("RevokeToken", {}, { origin, headers, method: "OPTIONS" });
        for (const name of ["origin", "credentials", "headers", "methods"]) {
          expect(answer.headers.get(`access-control-allow-${name}`), `${origin} ${name}`).toBeNull();
        }
      }
      const own = await browser.post("RevokeToken", {}, { headers, method: "OPTIONS" });
      expect(own.headers.get("access-control-allow-origin")).toBe(pageOrigin);
      expect(own.headers.get("access-control-allow-credentials")).toBe("true");
    });
  });

  describe("L03: login CSRF, with the attacker's own code", () => {
    it.each(Object.entries(forgeries))("%s signs no victim in, and the code is not spent", async (_what, options) => {
      const { challenge } = await on.auth.sendOtp({
        identifier: { case: "email", value: attacker },
        createUserIfMissing: true,
      });
      const { challengeId, code } = await on.messageOf(challenge);
      const withoutHeader = options.headers?.["x-latchkey-session"] === "";
      const victim = openBrowser(on);
      // Without the header from a page that may call, tokens would be in the answer, which the foreign page can't read or keep.
      const answer = await victim.post("VerifyOtp", { challengeId, code }, options);
      expectRefused(answer, withoutHeader ? "without the header" : "with the header");
      expect([victim.cookie(), answer.headers.getSetCookie()]).toEqual(["", []]);
      expect((await victim.post("GetCurrentUser", {})).reason).toBe("TOKEN_INVALID");
      const later = await openBrowser(on).post("VerifyOtp", { challengeId, code });
      expect([later.status, later.body.isNewUser]).toEqual([200, true]);
    });

    it("replaces no session that the victim has", async () => {
      await browser.signIn(owner);
      const { challenge } = await on.auth.sendOtp({
        identifier: { case: "email", value: attacker },
        createUserIfMissing: true,
      });
      const { challengeId, code } = await on.messageOf(challenge);
      const cookie = browser.cookie();
      for (const options of Object.values(forgeries)) {
        expectRefused(await browser.post("VerifyOtp", { challengeId, code }, options), "VerifyOtp");
      }
      expect(browser.cookie()).toBe(cookie);
      expect((await browser.post("GetCurrentUser", {})).text).toContain(owner);
    });
  });

  describe("L05: with another cookie of its name", () => {
    it("no call has a session, whichever comes first, and none ends", async () => {
      await browser.signIn(owner);
      const stranger = openBrowser(on);
      await stranger.signIn(attacker);
      const own = browser.cookie();
      const garbage = "__Host-latchkey=x";
      const jars = [
        [stranger.cookie(), own],
        [own, stranger.cookie()],
        [garbage, own],
        [own, garbage],
        [own, own],
        ["__Host-latchkey=", own],
      ];
      for (const jar of jars) {
        const cookie = jar.join("; ");
        for (const rpc of ["GetCurrentUser", "ListSessions", "RevokeToken", "RevokeOtherSessions", "DeleteCurrentUser"]) {
          const answer = await openBrowser(on).post(rpc, {}, { cookie });
          expect([rpc, answer.status, answer.reason]).toEqual([rpc, 401, "TOKEN_INVALID"]);
          expect(answer.text).not.toMatch(/@example\.com/);
        }
      }
      expect((await browser.post("GetCurrentUser", {})).text).toContain(owner);
      expect((await stranger.post("GetCurrentUser", {})).text).toContain(attacker);
    });

    it("under another name it counts for nothing", async () => {
      await browser.signIn(owner);
      const credential = browser.cookie().split("=")[1]!;
      for (const name of ["latchkey", "__host-latchkey", "__Secure-latchkey", "__Host-latchkey2", "x__Host-latchkey"]) {
        const answer = await openBrowser(on).post("GetCurrentUser", {}, { cookie: `${name}=${credential}` });
        expect(answer.reason).toBe("TOKEN_INVALID");
      }
    });
  });

  describe("after signing out", () => {
    it("is removed from the browser and good for nothing, and the other sessions stay", async () => {
      const elsewhere = openBrowser(on);
      await elsewhere.signIn(owner);
      on.clock.advance(120_000);
      await browser.signIn(owner);
      const cookie = browser.cookie();
      const answer = await browser.post("RevokeToken", {});
      expect(answer.headers.getSetCookie()).toEqual(["__Host-latchkey=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"]);
      expect(browser.cookie()).toBe("");
      for (const rpc of ["GetCurrentUser", "UpdateCurrentUser"]) {
        expect((await browser.post(rpc, {}, { cookie })).reason).toBe("TOKEN_INVALID");
      }
      expect((await elsewhere.post("GetCurrentUser", {})).text).toContain(owner);
    });

    it("can be done again, and without a cookie: the answer is the same", async () => {
      await browser.signIn(owner);
      const cookie = browser.cookie();
      const answers = [];
      for (const given of [cookie, cookie, "", "__Host-latchkey=x"]) {
        const { status, body } = await browser.post("RevokeToken", {}, { cookie: given });
        answers.push([status, body]);
      }
      expect(answers).toEqual(Array.from({ length: 4 }, () => [200, {}]));
    });

    it("everywhere, every browser is signed out", async () => {
      const elsewhere = openBrowser(on);
      await elsewhere.signIn(owner);
      on.clock.advance(120_000);
      await browser.signIn(owner);
      expect((await browser.post("RevokeOtherSessions", {})).body).toEqual({ revokedCount: 1 });
      await browser.post("RevokeToken", {});
      expect((await elsewhere.post("GetCurrentUser", {})).reason).toBe("TOKEN_INVALID");
    });
  });

  describe("of one app", () => {
    const asShop: PostOptions = { origin: shopOrigin, headers: { "x-latchkey-client": "shop-web" } };

    it("is no session at another app on the same host, and that app can't end it", async () => {
      const { user } = (await browser.signIn(owner)).body;
      const cookie = browser.cookie();
      for (const rpc of ["GetCurrentUser", "UpdateCurrentUser", "RevokeOtherSessions", "DeleteCurrentUser"]) {
        const answer = await openBrowser(on).post(rpc, {}, { ...asShop, cookie });
        expect([rpc, answer.reason]).toEqual([rpc, "TOKEN_INVALID"]);
      }
      expect((await openBrowser(on).post("RevokeToken", {}, { ...asShop, cookie })).status).toBe(200);
      expect((await browser.post("GetCurrentUser", {}, { cookie })).body).toEqual({ user });
    });

    it("can't be used from a page of another app, although the door answers that page's preflights", async () => {
      const { user } = (await browser.signIn(owner)).body;
      const preflight = await browser.post("RevokeToken", {}, { origin: shopOrigin, method: "OPTIONS" });
      expect(preflight.headers.get("access-control-allow-credentials")).toBe("true");
      for (const rpc of ["GetCurrentUser", "RevokeToken", "DeleteCurrentUser"]) {
        expect((await browser.post(rpc, {}, { origin: shopOrigin })).reason).toBe("ORIGIN_NOT_ALLOWED");
      }
      expect((await browser.post("GetCurrentUser", {})).body).toEqual({ user });
    });

    it("is replaced in the browser by a sign-in to another app on the same host", async () => {
      await browser.signIn(owner);
      const cookie = browser.cookie();
      await browser.signIn(`other-${owner}`, asShop);
      expect(browser.cookie()).not.toBe(cookie);
      expect((await browser.post("GetCurrentUser", {}, asShop)).text).toContain(`other-${owner}`);
      const headers = { "x-latchkey-client": "default-web" };
      expect((await browser.post("GetCurrentUser", {}, { headers })).reason).toBe("TOKEN_INVALID");
    });
  });
});

/** The default app and a second one in the same pool, each with a client and an origin of its own. */
function twoApps() {
  const { policy, issuer } = testSettings({});
  const app = (appId: string) => plainApp({ appId, audience: `${issuer}/apps/${appId}`, policy });
  return createDirectory({
    apps: [app(defaultAppId), app("shop")],
    clients: [
      publicClient({ clientId: "default-web", allowedOrigins: [pageOrigin] }),
      publicClient({ clientId: "shop-web", appId: "shop", allowedOrigins: [shopOrigin] }),
    ],
    fallbackId: "default-web",
  });
}

/** By the door, the gate or the method; what matters is that it is no success. */
function expectRefused({ status, reason, headers }: Answer, what: string): void {
  expect([400, 401, 403, 404, 405, 415], what).toContain(status);
  if (status === 401) expect(reason, what).toBe("TOKEN_INVALID");
  expect(headers.getSetCookie(), what).toEqual([]);
}
