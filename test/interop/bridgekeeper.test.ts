import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Server, startServer } from "../support/postgres-server.js";
import { inboxMessages } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { requireOf } from "./support/npm-packages.js";
import { until } from "./support/until.js";

type Body = Readonly<Record<string, unknown>>;

/** What the tests use of `@quintype/bridgekeeper-js`. */
interface Bridgekeeper {
  sendOtp(body: Body): Promise<Body>;
  login(body: Body): Promise<Body>;
  register(body: Body): Promise<Body>;
  currentUser(): Promise<Body>;
  updateWithOtp(otp: string, user: Body): Promise<Response>;
  updateUserProfile(body: Body): Promise<Body>;
  logout(): Promise<Response>;
}

const noSession = { error: { message: "Could not find qt-auth cookie or X-QT-AUTH header, please Login." } };

describe.each(["SQLite", "PostgreSQL"])("@quintype/bridgekeeper-js on %s", (engine) => {
  const ownFetch = globalThis.fetch;
  let database: Server | undefined;
  let latchkey: Latchkey;
  let client: Bridgekeeper;
  /** What a browser would keep of the session. */
  let cookie = "";

  beforeAll(async () => {
    const require = await requireOf("bridgekeeper", { "@quintype/bridgekeeper-js": "2.8.2" });
    client = require("@quintype/bridgekeeper-js") as Bridgekeeper;
    if (engine === "PostgreSQL") database = await startServer();
    latchkey = await startLatchkey(database === undefined ? {} : { LATCHKEY_DATABASE_URL: database.url });
    // The package calls the host of its page, with the cookies of its browser.
    globalThis.fetch = async (input, init) => {
      if (typeof input !== "string" || !input.startsWith("/")) return await ownFetch(input, init);
      const headers = new Headers(init?.headers);
      if (cookie !== "") headers.set("cookie", cookie);
      const response = await ownFetch(`${latchkey.issuer}${input}`, { ...init, headers });
      const [set] = response.headers.getSetCookie();
      if (set !== undefined) cookie = /Max-Age=0/i.test(set) ? "" : set.split(";", 1)[0]!;
      return response;
    };
  }, 240_000);
  afterAll(async () => {
    globalThis.fetch = ownFetch;
    await latchkey?.stop();
    await database?.stop();
  });

  const codeTo = async (to: string) =>
    await until(`a message to ${to}`, async () => (await inboxMessages(latchkey)).find((message) => message.to === to)?.code);
  const wrong = (code: string) => String((Number(code) + 1) % 10 ** code.length).padStart(code.length, "0");

  it("sendOtp, login with auto-signup, currentUser, profile, update by code and logout", async () => {
    const [email, phone] = ["ada@example.com", "+919888888888"];
    expect(await client.currentUser()).toMatchObject(noSession);
    expect(await client.sendOtp({ email, "always-send": true })).toMatchObject({ status: 200, message: expect.any(String) });
    const otp = await codeTo(email);
    expect(await client.login({ email, otp: wrong(otp), "auto-signup": true })).toMatchObject({ message: "OTP did not match" });
    expect(cookie).toBe("");

    const { user } = (await client.login({ email, otp, "auto-signup": true })) as { user: Body };
    expect(user).toMatchObject({ id: expect.any(Number), email, "verification-status": "email" });
    expect(cookie).toMatch(/^qt-auth=/);
    expect(await client.currentUser()).toMatchObject({ user: { id: user.id, email }, source: "bridgekeeper" });
    await client.updateUserProfile({ name: "Ada" });
    expect(await client.currentUser()).toMatchObject({ user: { name: "Ada" } });

    await client.sendOtp({ "phone-number": phone });
    const updated = await client.updateWithOtp(await codeTo(phone), { "login-phone-number": phone });
    expect(updated.status).toBe(200);
    expect(await client.currentUser()).toMatchObject({ user: { id: user.id, "phone-number": phone } });

    expect((await client.logout()).status).toBe(204);
    expect(cookie).toBe("");
    expect(await client.currentUser()).toMatchObject(noSession);
  });

  it("register signs a new user up by a code", async () => {
    const phone = "+919888888889";
    await client.sendOtp({ "phone-number": phone, "always-send": true });
    const otp = await codeTo(phone);
    const { user } = (await client.register({ name: "Grace", "login-phone-number": phone, otp })) as { user: Body };
    expect(user).toMatchObject({ name: "Grace", "phone-number": phone });
    expect(await client.currentUser()).toMatchObject({ user: { id: user.id } });
  });
});
