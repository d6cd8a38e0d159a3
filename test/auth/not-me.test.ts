import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import { ConnectError } from "@connectrpc/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { testEngines } from "../support/engines.js";

const issuer = "https://login.example.com/tenant";
const address = "ada@example.com";
const link = /https?:\/\/\S+\/not-me\/\S+/;

const engines = testEngines();

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

async function start(engine: (typeof engines)[number], env: Readonly<Record<string, string>> = {}): Promise<TestApp> {
  const on = await startTestApp({ LATCHKEY_ISSUER: issuer, ...(await engine.database()), ...env });
  onTestFinished(() => on.stop());
  return on;
}

interface Init {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Sends a request to the link's path, as the proxy in front of the service does. */
async function open(on: TestApp, url: string, init: Init = {}) {
  const { pathname, search } = new URL(url);
  const { method = "GET", headers, body } = init;
  return await new Promise<Answer>((resolve, reject) => {
    const to = { host: "127.0.0.1", port: on.app.httpPort, path: `${pathname}${search}`, method, headers };
    const request = httpRequest(to, async (response) => {
      let text = "";
      for await (const chunk of response) text += String(chunk);
      resolve({ status: response.statusCode!, headers: response.headers, body: text });
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Requests a code, and returns the message with its link. */
async function send(on: TestApp, change: { email?: string; locale?: string } = {}) {
  on.clock.advance(60_000);
  const { email = address, locale = "" } = change;
  const { challenge } = await on.auth.sendOtp({
    identifier: { case: "email", value: email },
    createUserIfMissing: true,
    locale,
  });
  const { challengeId, code, text } = await on.messageOf(challenge);
  return { challengeId, code, url: link.exec(text)![0] };
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => "OK",
    (refused: unknown) => ConnectError.from(refused).rawMessage,
  );
  return error;
}

const press = { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded", origin: "null" } };

async function reportsOf(on: TestApp): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`http://127.0.0.1:${on.app.metricsPort}/metrics`)).text();
  const lines = [...text.matchAll(/latchkey_not_me_reports_total\{outcome="(\w+)"\} (\d+)/g)];
  return Object.fromEntries(lines.map(([, outcome, count]) => [outcome, Number(count)]));
}

describe.each(engines)("this was not me, on $engine", (engine) => {
  it("a code mail has the link, to the issuer alone, whatever hosts the request named", async () => {
    const on = await start(engine);
    on.clock.advance(60_000);
    const hosts = { "x-forwarded-host": "evil.test", forwarded: "host=evil.test", "x-original-host": "evil.test" };
    const { challenge } = await on
      .authWith(hosts)
      .sendOtp({ identifier: { case: "email", value: address }, createUserIfMissing: true });
    const { text } = await on.messageOf(challenge);
    expect(text).not.toContain("evil");
    const url = link.exec(text)![0];
    expect(url.startsWith(`${issuer}/not-me/${challenge!.challengeId}.`)).toBe(true);
    const page = await open(on, url, { headers: { host: "evil.test", ...hosts } });
    expect(page.status).toBe(200);
    expect(page.body).not.toMatch(/evil|href="http|action=|src=/);
  });

  it("a message to a phone has no link", async () => {
    const on = await start(engine);
    const { challenge } = await on.auth.sendOtp({
      identifier: { case: "phone", value: "+4915112345678" },
      createUserIfMissing: true,
    });
    expect((await on.messageOf(challenge)).text).not.toMatch(/http|not-me/);
  });

  it("scanners that fetch the link in every way but the form's change nothing", async () => {
    const on = await start(engine);
    const { challengeId, code, url } = await send(on);
    const ways: readonly Init[] = [
      { method: "GET" },
      { method: "HEAD" },
      { method: "GET", headers: { "sec-purpose": "prefetch;prerender", purpose: "prefetch", "x-moz": "prefetch" } },
      { method: "GET", headers: { "user-agent": "Safe Links scanner", accept: "*/*" } },
      { method: "OPTIONS", headers: { origin: "https://evil.test", "access-control-request-method": "POST" } },
      { method: "PUT", headers: { "content-type": "text/plain" }, body: "x" },
      { method: "DELETE" },
    ];
    for (const way of ways) for (let times = 0; times < 3; times += 1) await open(on, url, way);
    expect((await open(on, url, { method: "PUT" })).headers.allow).toBe("GET, HEAD, POST");
    const head = await open(on, url, { method: "HEAD" });
    expect([head.status, head.body]).toEqual([200, ""]);
    expect(await reportsOf(on)).toEqual({ session: 0, challenge: 0, contact: 0, nothing: 0, forged: 0 });
    const { tokens, sessionId } = await on.auth.verifyOtp({ challengeId, code });
    for (const way of ways) await open(on, url, way);
    const { sessions } = await on.authWith({ authorization: `Bearer ${tokens!.accessToken}` }).listSessions({});
    expect(sessions.map((one) => one.sessionId)).toEqual([sessionId]);
  });

  it("one press of the button ends the code, and its caller can't tell it from a wrong one", async () => {
    const on = await start(engine);
    const { challengeId, code, url } = await send(on);
    const wrong = await send(on, { email: "grace@example.com" });
    expect((await open(on, url, press)).status).toBe(200);
    const refusal = await reasonOf(on.auth.verifyOtp({ challengeId, code }));
    expect(refusal).not.toBe("OK");
    expect(refusal).toBe(
      await reasonOf(
        on.auth.verifyOtp({ challengeId: wrong.challengeId, code: wrong.code === "000000" ? "111111" : "000000" }),
      ),
    );
    on.clock.advance(60_000);
    const again = await on.auth.sendOtp({ identifier: { case: "challengeId", value: challengeId } });
    expect(again.challenge?.challengeId).toBe(challengeId);
    expect(await reportsOf(on)).toMatchObject({ challenge: 1, session: 0 });
    expect(JSON.stringify(on.log.lines)).not.toContain(new URL(url).pathname.split(".")[1]);
  });

  it("one press ends the session that the code bought, for its access token, refresh token and list, and no other", async () => {
    const on = await start(engine);
    const [first, second] = [await send(on), await send(on)].map(({ challengeId, code, url }) => ({ challengeId, code, url }));
    const mine = await on.auth.verifyOtp({ challengeId: second!.challengeId, code: second!.code });
    const third = await send(on);
    const thief = await on.auth.verifyOtp({ challengeId: third.challengeId, code: third.code });
    on.clock.advance(24 * 60 * 60_000);
    await on.auth.refreshToken({ refreshToken: mine.tokens!.refreshToken });
    const held = await on.auth.refreshToken({ refreshToken: thief.tokens!.refreshToken });
    expect((await open(on, third.url, press)).body).toContain("Done.");
    const asThief = on.authWith({ authorization: `Bearer ${held.tokens!.accessToken}` });
    expect(await reasonOf(asThief.getCurrentUser({}))).not.toBe("OK");
    expect(await reasonOf(on.auth.refreshToken({ refreshToken: held.tokens!.refreshToken }))).not.toBe("OK");
    const me = await on.authWith({}).verifyOtp(await send(on));
    const { sessions } = await on.authWith({ authorization: `Bearer ${me.tokens!.accessToken}` }).listSessions({});
    expect(sessions.map(({ sessionId }) => sessionId).sort()).toEqual([mine.sessionId, me.sessionId].sort());
    await open(on, first!.url, press);
    await open(on, third.url, press);
    expect(await reportsOf(on)).toEqual({ session: 1, challenge: 0, contact: 0, nothing: 2, forged: 0 });
  });

  it("works in other processes and after a restart with the same keys", async () => {
    const on = await start(engine);
    const { challengeId, code, url } = await send(on);
    const { tokens } = await on.auth.verifyOtp({ challengeId, code });
    const later = await on.restart();
    onTestFinished(() => later.stop());
    await open(later, url, press);
    expect(await reasonOf(later.auth.refreshToken({ refreshToken: tokens!.refreshToken }))).not.toBe("OK");
  });

  it("every link gets the same page and the same answer: real, used, forged, altered, malformed or too long", async () => {
    const on = await start(engine);
    const [real, other] = [await send(on), await send(on, { email: "grace@example.com" })];
    await open(on, other.url, press);
    const { pathname } = new URL(real.url);
    const [id, mac] = pathname.split("/").at(-1)!.split(".") as [string, string];
    const flipped = (text: string, at: number) => `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
    const tokens = [
      `${id}.${flipped(mac, 0)}`,
      // The last character has unused bits, which decoders ignore.
      `${id}.${mac.slice(0, -1)}${String.fromCharCode(mac.charCodeAt(21) + 1)}`,
      `${flipped(id, 3)}.${mac}`,
      `${new URL(other.url).pathname.split("/").at(-1)!.split(".")[0]}.${mac}`,
      `${id}.${createHash("sha256").update(id).digest("base64url").slice(0, 22)}`,
      `${id}.`,
      id,
      "",
      "x".repeat(2_000),
      "%00",
      "a/b/c",
      `${id}.${mac}/`,
      `${id}.${mac}.${mac}`,
    ];
    const urls = [other.url, ...tokens.map((token) => `${issuer}/not-me/${token}?lang=en`)];
    const pages = await Promise.all([...urls, real.url].map((url) => open(on, url)));
    const stable = ({ status, headers: { date: _, ...headers }, body }: Answer) => ({ status, headers, body });
    expect(new Set(pages.map((page) => JSON.stringify(stable(page)))).size).toBe(1);
    const answers = [];
    for (const url of urls) answers.push(stable(await open(on, url, press)));
    // None of them has ended the real one.
    await on.auth.verifyOtp({ challengeId: real.challengeId, code: real.code });
    answers.push(stable(await open(on, real.url, press)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]!.status).toBe(200);
  });

  it("the page needs no script, loads nothing, can't be framed, is not kept, and sends no referrer", async () => {
    const on = await start(engine);
    const { url } = await send(on);
    const page = await open(on, url);
    expect(page.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
    const policy = String(page.headers["content-security-policy"]);
    for (const part of ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"]) {
      expect(policy).toContain(part);
    }
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const style = /<style>([\s\S]*)<\/style>/.exec(page.body)![1]!;
    expect(policy).toContain(`'sha256-${createHash("sha256").update(style).digest("base64")}'`);
    expect(page.body).not.toMatch(/<script|src=|https?:|@import|url\(| on\w+=/);
    expect(page.body.match(/<form method="post"><button type="submit">/g)).toHaveLength(1);
    expect(page.body.match(/<form|<button|<input|<a /g)).toHaveLength(2);
    expect(page.body).not.toContain(address);
  });

  it("the page is in the message's language, otherwise in the browser's, otherwise in English", async () => {
    const on = await start(engine);
    const { url } = await send(on, { locale: "en" });
    const bare = url.split("?")[0]!;
    const languageOf = async (target: string, accepted?: string) => {
      const { body, headers } = await open(
        on,
        target,
        accepted === undefined ? {} : { headers: { "accept-language": accepted } },
      );
      expect(headers["content-language"]).toBe(/<html lang="(\w+)"/.exec(body)![1]);
      return /<html lang="(\w+)" dir="(\w+)"/.exec(body)!.slice(1).join(" ");
    };
    expect(await languageOf(url, "de")).toBe("en ltr");
    expect(await languageOf(`${bare}?lang=ar`)).toBe("ar rtl");
    expect(await languageOf(bare, "xx, pt-BR;q=0.9, de;q=0.8")).toBe("pt ltr");
    expect(await languageOf(`${bare}?lang=../../etc/passwd&lang=%00`, "constructor,__proto__")).toBe("en ltr");
    expect(await languageOf(bare)).toBe("en ltr");
  });

  it("a body that is too large is refused, and reports nothing", async () => {
    const on = await start(engine);
    const { challengeId, code, url } = await send(on);
    expect((await open(on, url, { ...press, body: "x".repeat(70_000) })).status).toBe(413);
    await on.auth.verifyOtp({ challengeId, code });
  });

  it("while the database is away the page asks to press again, and reports nothing", async () => {
    let away = false;
    const on = await startTestApp(
      { LATCHKEY_ISSUER: issuer, ...(await engine.database()) },
      {
        wrapStore: (store) => ({
          ...store,
          notMe: {
            ...store.notMe,
            disown: async (change) => {
              if (away) throw new Error("the database is away");
              return await store.notMe.disown(change);
            },
          },
        }),
      },
    );
    onTestFinished(() => on.stop());
    const { challengeId, code, url } = await send(on);
    away = true;
    const answer = await open(on, url, press);
    expect(answer.status).toBe(503);
    expect(answer.body).toMatch(/did not work.*<button/s);
    away = false;
    expect((await open(on, url, press)).body).toContain("Done.");
    expect(await reasonOf(on.auth.verifyOtp({ challengeId, code }))).not.toBe("OK");
  });

  it("a press that races the redemption leaves no live session", async () => {
    const on = await start(engine);
    for (let round = 0; round < 8; round += 1) {
      const { challengeId, code, url } = await send(on, { email: `person-${round}@example.com` });
      const verify = () => on.auth.verifyOtp({ challengeId, code }).catch(() => null);
      const racers = [verify, () => open(on, url, press), verify, () => open(on, url, press)];
      const answers = await Promise.all((round % 2 === 0 ? racers : racers.reverse()).map((racer) => racer()));
      for (const answer of answers) {
        const tokens = answer !== null && "tokens" in answer ? answer.tokens : undefined;
        if (tokens === undefined) continue;
        const caller = on.authWith({ authorization: `Bearer ${tokens.accessToken}` });
        expect(await reasonOf(caller.getCurrentUser({}))).not.toBe("OK");
      }
      expect(await reasonOf(on.auth.verifyOtp({ challengeId, code }))).not.toBe("OK");
    }
  });
});
