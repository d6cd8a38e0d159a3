import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Server, startServer } from "../support/postgres-server.js";
import { inboxMessages } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { requireOf } from "./support/npm-packages.js";
import { until } from "./support/until.js";

interface Failed {
  readonly name: string;
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

interface Answer<Data> {
  readonly data: Data;
  readonly error: Failed | null;
}

interface User {
  readonly id: string;
  readonly email: string;
  readonly phone: string;
  readonly user_metadata: object;
}

interface Session {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly user: User;
}

/** What the tests use of `AuthClient` of `@supabase/auth-js`. */
interface AuthClient {
  signInWithOtp(given: object): Promise<Answer<{ messageId?: string }>>;
  verifyOtp(given: object): Promise<Answer<{ session: Session | null; user: User | null }>>;
  refreshSession(given?: object): Promise<Answer<{ session: Session | null }>>;
  getSession(): Promise<Answer<{ session: Session | null }>>;
  getUser(jwt?: string): Promise<Answer<{ user: User | null }>>;
  getClaims(): Promise<Answer<{ claims: Readonly<Record<string, unknown>> } | null>>;
  updateUser(given: object): Promise<Answer<{ user: User | null }>>;
  resend(given: object): Promise<Answer<object>>;
  signOut(given?: object): Promise<{ readonly error: Failed | null }>;
}

type AuthClientOf = new (options: Readonly<Record<string, unknown>>) => AuthClient;

/** A key that a project of Supabase gave to an app. */
const anonKey = `${["{}", '{"role":"anon"}'].map((part) => Buffer.from(part).toString("base64url")).join(".")}.c2lnbmF0dXJl`;

describe.each(["SQLite", "PostgreSQL"])("@supabase/auth-js on %s", (engine) => {
  let database: Server | undefined;
  let latchkey: Latchkey;
  let create: (headers: Readonly<Record<string, string>>, more?: object) => AuthClient;

  beforeAll(async () => {
    const require = await requireOf("supabase", { "@supabase/auth-js": "2.109.0" });
    const { AuthClient } = require("@supabase/auth-js") as { AuthClient: AuthClientOf };
    if (engine === "PostgreSQL") database = await startServer();
    latchkey = await startLatchkey({
      LATCHKEY_RESEND_COOLDOWN: "1s",
      ...(database !== undefined && { LATCHKEY_DATABASE_URL: database.url }),
    });
    create = (headers, more = {}) =>
      new AuthClient({ url: `${latchkey.issuer}/auth/v1`, headers, autoRefreshToken: false, persistSession: false, ...more });
  }, 240_000);
  afterAll(async () => {
    await latchkey?.stop();
    await database?.stop();
  });

  /** The code of the newest of `count` messages. */
  const codeTo = async (to: string, count = 1) =>
    await until(`${count} messages to ${to}`, async () => {
      const sent = (await inboxMessages(latchkey)).filter((message) => message.to === to);
      return sent.length >= count ? sent[0]!.code : undefined;
    });
  const wrong = (code: string) => String((Number(code) + 1) % 10 ** code.length).padStart(code.length, "0");
  const expired = { name: "AuthApiError", status: 403, code: "otp_expired", message: "Token has expired or is invalid" };

  async function signIn(auth: AuthClient, email: string, count = 1): Promise<Session> {
    expect(await auth.signInWithOtp({ email })).toMatchObject({ error: null });
    const { data, error } = await auth.verifyOtp({ type: "email", email, token: await codeTo(email, count) });
    expect(error).toBeNull();
    return data.session!;
  }

  it.each([
    ["no key", {}],
    ["the client id as apikey", { apikey: "default-web" }],
    [
      "a key of Supabase as apikey and bearer token, as supabase-js sends it",
      { apikey: anonKey, Authorization: `Bearer ${anonKey}` },
    ],
  ])("with %s: sign-in by e-mail, getUser, getClaims, updateUser, refresh, resend, sign-out", async (name, headers) => {
    const email = `ada-${name.length}@example.com`;
    const auth = create(headers);
    expect(await auth.signInWithOtp({ email, options: { data: { plan: "free" } } })).toMatchObject({ error: null });
    const token = await codeTo(email);
    await sleep(1_100);
    expect(await auth.resend({ type: "signup", email })).toMatchObject({ error: null });
    expect(await codeTo(email, 2)).toBe(token);

    const refused = await auth.verifyOtp({ type: "email", email, token: wrong(token) });
    expect(refused).toMatchObject({ data: { session: null, user: null }, error: expired });
    const { data, error } = await auth.verifyOtp({ type: "email", email, token });
    expect(error).toBeNull();
    expect(data.session).toMatchObject({ user: { email, user_metadata: { plan: "free" } } });

    expect(await auth.getUser()).toMatchObject({ data: { user: { id: data.user!.id, email } }, error: null });
    const claims = await auth.getClaims();
    expect(claims).toMatchObject({ data: { claims: { sub: data.user!.id, exp: expect.any(Number) } }, error: null });
    expect(await auth.updateUser({ data: { plan: "paid" } })).toMatchObject({
      data: { user: { user_metadata: { plan: "paid" } } },
      error: null,
    });
    const refreshed = await auth.refreshSession();
    expect(refreshed.error).toBeNull();
    expect(refreshed.data.session!.refresh_token).not.toBe(data.session!.refresh_token);
    expect(await auth.signOut()).toEqual({ error: null });
    expect((await auth.getSession()).data.session).toBeNull();
    const { access_token, refresh_token } = refreshed.data.session!;
    expect((await auth.getUser(access_token)).error).toMatchObject({ status: 403, code: "bad_jwt" });
    expect((await auth.refreshSession({ refresh_token })).error).toMatchObject({ code: "refresh_token_not_found" });
  });

  it("signs in by phone, also with the pkce flow", async () => {
    const phone = "+12345678901";
    const auth = create({}, { flowType: "pkce" });
    const sent = await auth.signInWithOtp({ phone });
    expect(sent).toMatchObject({ data: { messageId: expect.any(String) }, error: null });
    const { data } = await auth.verifyOtp({ type: "sms", phone: "12345678901", token: await codeTo(phone) });
    expect(data.user).toMatchObject({ phone: "12345678901", email: "" });
  });

  it("signOut of the others ends them alone", async () => {
    const [here, there] = [create({}), create({})];
    const email = "everywhere@example.com";
    await signIn(here, email);
    await sleep(1_100);
    await signIn(there, email, 2);
    expect(await here.signOut({ scope: "others" })).toEqual({ error: null });
    expect((await there.getUser()).error).toMatchObject({ status: 403 });
    expect((await here.getUser()).error).toBeNull();
  });

  it("reads refusals: a limit, a malformed number, a password, a new address", async () => {
    const auth = create({});
    const email = "often@example.com";
    await signIn(auth, email);
    await auth.signInWithOtp({ email });
    expect((await auth.signInWithOtp({ email })).error).toMatchObject({ status: 429, code: "over_email_send_rate_limit" });
    const malformed = { status: 400, code: "validation_failed", message: "Invalid phone number format (E.164 required)" };
    expect((await auth.signInWithOtp({ phone: "ada" })).error).toMatchObject(malformed);
    expect((await auth.updateUser({ password: "secret" })).error).toMatchObject({ code: "validation_failed" });
    expect((await auth.updateUser({ email: "new@example.com" })).error).toMatchObject({ code: "validation_failed" });
  });

  it("reads an expired code as it reads a wrong one", async () => {
    const auth = create({});
    const email = "late@example.com";
    await latchkey.cli("app", "policy", "default", "--set", "code_ttl=1s");
    // The server reads the change within 250 ms, unless it is busy.
    await sleep(1_000);
    await auth.signInWithOtp({ email });
    const token = await codeTo(email);
    await sleep(1_100);
    expect((await auth.verifyOtp({ type: "email", email, token })).error).toMatchObject(expired);
  });
});
