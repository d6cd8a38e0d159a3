import { afterEach, describe, expect, it } from "vitest";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { bearer } from "../support/calls.js";
import { type MailServer, type MailServerOptions, startMailServer } from "../support/smtp.js";
import { createAuthority } from "../support/tls.js";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

async function mailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const server = await startMailServer(options);
  closers.push(() => server.stop());
  return server;
}

async function appWith(smtpUrl: string): Promise<TestApp> {
  const on = await startTestApp({ LATCHKEY_SMTP_URL: smtpUrl });
  closers.push(() => on.stop());
  return on;
}

const deliveries = (on: TestApp, message: RegExp) =>
  on.log.lines.filter((line) => message.test(line.message) && line.fields.provider === "smtp");

describe("by a real mail server", () => {
  it("a user registers, reads the code out of the received mail and signs in", async () => {
    const server = await mailServer();
    const on = await appWith(`smtp://127.0.0.1:${server.port}?from=codes@example.org&starttls=never`);
    const { challenges } = await on.auth.registerUser({ email: "Ada@Example.com", displayName: "Ada" });
    const mail = await eventually("the mail", async () => server.mails[0]);
    expect(mail.recipients).toEqual(["ada@example.com"]);
    const code = /^\d{6}/.exec(mail.parsed.text!.trim())![0];
    expect(mail.parsed.subject).toContain(code);
    expect(mail.parsed.html).toContain(code);
    const { tokens, isNewUser } = await on.auth.verifyOtp({ challengeId: challenges[0]!.challengeId, code });
    expect(isNewUser).toBe(true);
    const { user } = await on.auth.getCurrentUser({}, bearer(tokens!.accessToken));
    expect(user).toMatchObject({ displayName: "Ada", contacts: [{ value: "ada@example.com" }] });
  });

  const troubles: readonly [string, MailServerOptions, string, RegExp][] = [
    ["a server without the TLS that is asked for", {}, "starttls=required", /^code not sent yet$/],
    [
      "a server whose certificate nobody we trust has signed",
      { certificate: createAuthority().issue(["127.0.0.1"], "server") },
      "starttls=required",
      /^code not sent yet$/,
    ],
    [
      "a server that refuses the recipient for good",
      { refuse: (command) => (command === "RCPT" ? "550 5.1.1 No such user" : undefined) },
      "starttls=never",
      /given up/,
    ],
    [
      "a server that is busy",
      { refuse: (command) => (command === "RCPT" ? "451 4.3.0 Try later" : undefined) },
      "starttls=never",
      /^code not sent yet$/,
    ],
  ];
  it.each(troubles)("%s is in the log and never told to the caller", async (_name, options, starttls, message) => {
    const server = await mailServer(options);
    const on = await appWith(`smtp://127.0.0.1:${server.port}?from=codes@example.org&${starttls}`);
    const { challenge } = await on.auth.sendOtp({
      identifier: { case: "email", value: "ada@example.com" },
      createUserIfMissing: true,
    });
    expect(challenge).toBeDefined();
    const lines = await eventually("the log", async () => {
      const found = on.log.lines.filter(({ fields, level }) => fields.to !== undefined && level !== "info");
      return found.length > 0 ? found : undefined;
    });
    expect(lines[0]!.message).toMatch(message);
    expect(JSON.stringify(lines)).not.toContain("ada@example.com");
    expect(server.mails).toEqual([]);
  });

  it("a dead server is tried again until it is there", async () => {
    const dead = await startMailServer();
    await dead.stop();
    const on = await appWith(`smtp://127.0.0.1:${dead.port}?from=codes@example.org&starttls=never`);
    await on.auth.sendOtp({ identifier: { case: "email", value: "ada@example.com" }, createUserIfMissing: true });
    await eventually("the first try", async () =>
      on.log.lines.find((line) => line.fields.provider === "smtp" && line.level === "warn"),
    );
    const back = await mailServer({ port: dead.port });
    // Step by step: the next try is put off from whenever the failed one is settled.
    const mail = await eventually("the mail", async () => {
      on.clock.advance(200);
      return back.mails[0];
    });
    expect(mail.parsed.text).toMatch(/^\d{6}/);
    const sent = await eventually("the log", async () => deliveries(on, /^code sent$/)[0]);
    expect(sent.fields.try).toBeGreaterThan(1);
    expect(back.mails.length).toBe(1);
  });
});
