import { ConnectError } from "@connectrpc/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { bearer } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

const issuer = "https://login.example.com/tenant";
const link = /https:\/\/login\.example\.com\/tenant\/take-back\/\S+/;
const day = 24 * 60 * 60_000;
const [ada, thief, phone] = ["ada@example.com", "thief@example.net", "+4915112345678"];

const engines = testEngines();

async function start(engine: (typeof engines)[number]): Promise<TestApp> {
  const on = await startTestApp({ LATCHKEY_ISSUER: issuer, ...(await engine.database()) });
  onTestFinished(() => on.stop());
  return on;
}

async function signIn(on: TestApp, kind: "email" | "phone", value: string) {
  on.clock.advance(60_000);
  const { challenge } = await on.auth.sendOtp({ identifier: { case: kind, value }, createUserIfMissing: true });
  return await on.auth.verifyOtp(await codeOf(on, challenge));
}

async function codeOf(on: TestApp, challenge: { readonly challengeId: string } | undefined) {
  const { challengeId, code } = await on.messageOf(challenge);
  return { challengeId, code };
}

type SignedIn = Awaited<ReturnType<typeof signIn>>;

/** Replaces a contact as the signed-in user. */
async function replace(
  on: TestApp,
  by: SignedIn,
  kind: "email" | "phone",
  values: { readonly old: string; readonly next: string },
) {
  on.clock.advance(60_000);
  const { headers } = bearer(by.tokens!.accessToken);
  const contact = { case: kind, value: values.next };
  const { challenge } = await on.auth.startContactChange({ contact, replace: values.old }, { headers });
  return await on.auth.verifyOtp(await codeOf(on, challenge), { headers });
}

/** The notice that a contact got. */
async function noticeTo(on: TestApp, to: string) {
  for (let tries = 0; tries < 2_000; tries += 1) {
    const found = (await on.messages(to)).find(({ code }) => code === "");
    if (found !== undefined) return { ...found, url: link.exec(found.text)![0] };
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`no notice to ${to}`);
}

async function open(on: TestApp, url: string, method = "GET") {
  const { pathname, search } = new URL(url);
  const response = await fetch(`http://127.0.0.1:${on.app.httpPort}${pathname}${search}`, { method });
  return { status: response.status, body: await response.text(), policy: response.headers.get("content-security-policy") };
}

const isRefused = async (call: Promise<unknown>) =>
  await call.then(
    () => false,
    (error: unknown) => error instanceof ConnectError,
  );

const contactsOf = async (on: TestApp, by: SignedIn) =>
  (await on.auth.getCurrentUser({}, bearer(by.tokens!.accessToken))).user!.contacts.map(({ value }) => value);

describe.each(engines)("a contact that is removed, on $engine,", (engine) => {
  it("gets one notice without a code, whose link leads to the issuer's page", async () => {
    const on = await start(engine);
    await replace(on, await signIn(on, "email", ada), "email", { old: ada, next: thief });
    const notice = await noticeTo(on, ada);
    expect(notice.channel).toBe("email");
    expect(notice.text).toContain("Your e-mail address at Latchkey was changed");
    expect(notice.text).not.toMatch(/\b\d{6}\b/);
    expect(notice.text).not.toContain(thief);
    const page = await open(on, notice.url);
    expect(page.body).toMatch(/Take a contact back[\s\S]*<form method="post">/);
    expect(page.body).not.toMatch(/@example|<script/);
    expect(page.policy).toContain("default-src 'none'");
    on.clock.advance(60_000);
    expect((await on.messages(ada)).filter(({ code }) => code === "")).toHaveLength(1);
    expect(JSON.stringify(on.log.lines)).not.toMatch(/ada@|thief@/);
    const stored = await on.app.core.deps.store.messages.list({ appId: "default", limit: 100 } as never).catch(() => null);
    expect(JSON.stringify(stored)).not.toContain(notice.challengeId);
  });

  it("is taken back by one press within 7 days: the new one is gone, all sessions have ended, and opening the link did nothing", async () => {
    const on = await start(engine);
    const stolen = await signIn(on, "email", ada);
    await replace(on, stolen, "email", { old: ada, next: thief });
    const { url } = await noticeTo(on, ada);
    on.clock.advance(6 * day);
    const again = await signIn(on, "email", thief);
    expect(again.user!.userId).toBe(stolen.user!.userId);
    for (const method of ["GET", "HEAD", "GET"]) await open(on, url, method);
    expect(await contactsOf(on, again)).toEqual([thief]);
    const answer = await open(on, url, "POST");
    expect([answer.status, answer.body.includes("Done.")]).toEqual([200, true]);
    expect(await isRefused(contactsOf(on, again))).toBe(true);
    expect(await isRefused(on.auth.refreshToken({ refreshToken: again.tokens!.refreshToken }))).toBe(true);
    const owner = await signIn(on, "email", ada);
    expect([owner.user!.userId, owner.isNewUser]).toEqual([stolen.user!.userId, false]);
    expect(await contactsOf(on, owner)).toEqual([ada]);
    expect((await signIn(on, "email", thief)).isNewUser).toBe(true);
    // The link works once.
    await open(on, url, "POST");
    expect(await contactsOf(on, owner)).toEqual([ada]);
  });

  it("comes with an end to changes that wait for their code", async () => {
    const on = await start(engine);
    const stolen = await signIn(on, "email", ada);
    await replace(on, stolen, "email", { old: ada, next: thief });
    const { url } = await noticeTo(on, ada);
    on.clock.advance(60_000);
    const contact = { case: "email", value: "second@example.net" } as const;
    const { challenge } = await on.auth.startContactChange({ contact }, bearer(stolen.tokens!.accessToken));
    const code = await codeOf(on, challenge);
    await open(on, url, "POST");
    const owner = await signIn(on, "email", ada);
    expect(await isRefused(on.auth.verifyOtp(code, bearer(owner.tokens!.accessToken)))).toBe(true);
    expect(await contactsOf(on, owner)).toEqual([ada]);
  });

  it("becomes the primary one again if its person has verified it meanwhile", async () => {
    const on = await start(engine);
    const by = await signIn(on, "email", ada);
    const { headers } = bearer(by.tokens!.accessToken);
    const add = async (value: string) => {
      on.clock.advance(60_000);
      const { challenge } = await on.auth.startContactChange({ contact: { case: "email", value } }, { headers });
      await on.auth.verifyOtp(await codeOf(on, challenge), { headers });
    };
    await add("work@example.com");
    await replace(on, by, "email", { old: ada, next: thief });
    const { url } = await noticeTo(on, ada);
    await add(ada);
    expect(await contactsOf(on, by)).toEqual([thief, "work@example.com", ada]);
    await open(on, url, "POST");
    expect(await contactsOf(on, await signIn(on, "email", ada))).toEqual([ada, "work@example.com"]);
  });

  it("is a number: an SMS says so, and its link takes the number back", async () => {
    const on = await start(engine);
    const by = await signIn(on, "phone", phone);
    await replace(on, by, "phone", { old: phone, next: "+4915112345679" });
    const notice = await noticeTo(on, phone);
    expect(notice.channel).toBe("sms");
    await open(on, notice.url, "POST");
    const owner = await signIn(on, "phone", phone);
    expect([owner.user!.userId, await contactsOf(on, owner)]).toEqual([by.user!.userId, [phone]]);
  });

  it("is not taken back after 7 days, by a forged or altered link, or once another person has verified it", async () => {
    const on = await start(engine);
    const by = await signIn(on, "email", ada);
    await replace(on, by, "email", { old: ada, next: thief });
    const { url, challengeId } = await noticeTo(on, ada);
    const { challengeId: other } = await codeOf(
      on,
      (await on.auth.sendOtp({ identifier: { case: "email", value: "x@example.com" }, createUserIfMissing: true })).challenge,
    );
    const token = new URL(url).pathname.split("/").at(-1)!;
    const mac = token.split(".")[1]!;
    const done = (await open(on, url.replace(token, `${challengeId}.${"A".repeat(22)}`), "POST")).body;
    for (const forged of [`${other}.${mac}`, `${challengeId}.`, `${token}x`, ""]) {
      expect((await open(on, url.replace(token, forged), "POST")).body).toBe(done);
    }
    // A link of the one kind is none of the other.
    await open(on, url.replace("/take-back/", "/not-me/"), "POST");
    expect(await contactsOf(on, by)).toEqual([thief]);
    const heir = await signIn(on, "email", ada);
    expect(heir.isNewUser).toBe(true);
    expect((await open(on, url, "POST")).body).toBe(done);
    expect(await contactsOf(on, heir)).toEqual([ada]);
    await replace(on, heir, "email", { old: ada, next: "heir@example.com" });
    const late = await noticeTo(on, ada);
    expect(late.url).toBeDefined();
    on.clock.advance(7 * day);
    for (const one of [late.url, url]) expect((await open(on, one, "POST")).body).toBe(done);
    expect((await signIn(on, "email", ada)).isNewUser).toBe(true);
  });

  it("leaves no trace once its person is deleted", async () => {
    const on = await start(engine);
    const by = await signIn(on, "email", ada);
    await replace(on, by, "email", { old: ada, next: thief });
    const { url } = await noticeTo(on, ada);
    await on.auth.deleteCurrentUser({}, bearer(by.tokens!.accessToken));
    await open(on, url, "POST");
    expect((await signIn(on, "email", ada)).isNewUser).toBe(true);
  });
});
