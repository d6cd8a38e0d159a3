import { afterEach, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { until } from "../support/server.js";
import { startMailServer } from "../support/smtp.js";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function start(url: string): Promise<TestApp> {
  const app = await startTestApp({ LATCHKEY_SMTP_URL: url });
  stops.push(() => app.stop());
  return app;
}

const warned = ({ log }: TestApp) => log.lines.filter(({ message }) => message === "codes can't be sent now; they wait");

describe("at the start, a mail server that can't be used", () => {
  it("is in the log with the reason and what to do, and the service serves all the same", async () => {
    const mail = await startMailServer({ login: { user: "mailer", password: "right" } });
    stops.push(mail.stop);
    const app = await start(`smtp://mailer:wrong@127.0.0.1:${mail.port}?from=codes@example.com&starttls=never`);
    await until("the warning", () => warned(app).length > 0 || undefined);
    expect(warned(app)).toEqual([
      {
        level: "error",
        message: "codes can't be sent now; they wait",
        fields: {
          provider: "smtp",
          detail: "the mail server refused the login (535 5.7.8): check user and password in LATCHKEY_SMTP_URL",
        },
      },
    ]);
    const { challenge } = await app.auth.sendOtp({ identifier: { case: "email", value: "ada@example.com" } });
    expect(challenge?.challengeId).toMatch(/^[\w-]{22}$/);
    expect(mail.mails).toEqual([]);
  });

  it("is not in the log when it can be used", async () => {
    const mail = await startMailServer();
    stops.push(mail.stop);
    const app = await start(`smtp://127.0.0.1:${mail.port}?from=codes@example.com&starttls=never`);
    await until("the end of the look at it", () => (mail.connections() > 0 && mail.openConnections() === 0) || undefined);
    await app.stop();
    expect(warned(app)).toEqual([]);
  });
});
