import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { reportsOf } from "../../src/cli/messages/reporting-carriers.js";
import type { AppCarrierSettings } from "../../src/model/carrier.js";
import { startAnswering } from "../delivery/providers/carrier-server.js";
import { login, startCenter } from "../delivery/providers/smpp-center.js";
import { key, secret, signatureSecret, startVonageServer } from "../delivery/providers/vonage-server.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { refused } from "../support/calls.js";
import { commandSecrets, latchkey } from "../support/command-line.js";
import { testEngines } from "../support/engines.js";
import { type MailServer, startMailServer } from "../support/smtp.js";

describe.each(testEngines())("message commands on $engine", ({ database }) => {
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}`, ...(await database()) };
    await latchkey(env, ["migrate"]);
    await latchkey(env, ["app", "create", "shop"]);
    await latchkey(env, ["client", "create", "--app", "shop", "--kind", "public", "--id", "web"]);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const message = (...argv: string[]) => latchkey(env, ["message", ...argv, "--app", "shop"]);
  const sendTest = (...argv: string[]) => latchkey(env, ["send-test", "--app", "shop", "--wait", "0s", ...argv]);
  const invite = async (email: string) =>
    (await latchkey(env, ["user", "invite", "--app", "shop", "--email", email, "--client", "web", "--json"])).json();
  const listed = async (...argv: string[]) => (await message("list", ...argv, "--json")).json();

  it("list shows the newest first, by user, contact, status and time, and show has the message without code and destination", async () => {
    const ada = await invite("ada@example.com");
    const bob = await invite("bob@example.com");
    const all = await listed();
    expect(all.map(({ challenge_id: id }: { challenge_id: string }) => id)).toEqual([bob.challenge_id, ada.challenge_id]);
    for (const filter of [
      ["--contact", "Ada@Example.com"],
      ["--user", "ada@example.com"],
    ]) {
      expect(await listed(...filter), filter[0]).toEqual([all[1]]);
    }
    expect(await listed("--status", "queued", "--since", "1h", "--limit", "1")).toEqual([all[0]]);
    expect(await listed("--status", "delivered")).toEqual([]);
    expect((await message("list", "--provider", "another")).out).toBe(
      "The app shop has no such message. Messages are kept for 30d (LATCHKEY_MESSAGE_RETENTION).\n",
    );
    const id = String(all[1].message_id);
    const shown = await message("show", id);
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(/^status {17}queued$/m);
    expect(shown.out).toMatch(/^masked_destination {5}a\*\*\*@example\.com$/m);
    expect((await message("list")).out).toMatch(
      new RegExp(`^ *${id} \\S+Z queued {6}email {4}- {12}- {2}a\\*\\*\\*@example\\.com$`, "m"),
    );
    expect(shown.out).not.toContain("ada@example.com");
  });

  it("retry queues the code once more as a send of the same challenge, and waits as every resend does", async () => {
    await invite("ada@example.com");
    const [{ message_id: id }] = await listed();
    const early = await message("retry", String(id));
    expect(early).toMatchObject({ code: 1, out: "" });
    expect(early.err).toMatch(/^Too many messages went to this contact: try again in \d+ s\.$/m);
    expect(await listed()).toHaveLength(1);
    await latchkey(env, ["app", "policy", "shop", "--set", "resend_cooldown=0s"]);
    const bob = await invite("bob@example.com");
    const [{ message_id: first }] = await listed();
    const retried = await message("retry", String(first), "--json");
    expect([retried.code, retried.json().challenge_id]).toEqual([0, bob.challenge_id]);
    expect(retried.err).toMatch(/sent a message again act=message\.retry by=operator app=shop message=\d+ /);
    const challenges = (await listed("--contact", "bob@example.com")).map(
      ({ challenge_id: id }: { challenge_id: string }) => id,
    );
    expect(challenges).toEqual([bob.challenge_id, bob.challenge_id]);
  });

  it("refuses messages that do not exist and those of other apps alike", async () => {
    await invite("ada@example.com");
    const [{ message_id: id }] = await listed();
    for (const act of ["show", "retry"]) {
      expect(await latchkey(env, ["message", act, String(id)]), act).toMatchObject({
        code: 1,
        out: "",
        err: "The app default has no message with this id. Name the app of the message with --app: see `latchkey message list --app default`.\n",
      });
    }
    expect((await message("show", "x")).code).toBe(1);
    expect((await message("list", "--limit", "101")).err).toContain("Give a number from 1 to 100.");
    expect(await listed()).toHaveLength(1);
  });

  it("send-test says that the service must run if nothing asks a carrier in time, and leaves the message to it", async () => {
    const { code, out } = await sendTest("--to", "ada@example.com");
    expect(code).toBe(1);
    expect(out).toContain("No carrier was asked within 0s: check that the service runs on this database");
    expect(await listed()).toMatchObject([{ purpose: "verify_contact", status: "queued" }]);
  });

  it("send-test sends one message alone, although a workflow follows those of the app", async () => {
    const routing = ["routing", "workflow", "--app", "shop", "--channel", "sms", "--then", "voice:30s"];
    expect(await latchkey(env, routing)).toMatchObject({ code: 0 });
    await sendTest("--to", "+46701740605");
    expect(await listed()).toMatchObject([{ channel: "sms" }]);
  });

  it.each([
    [["--to", "nonsense"], "--to takes an e-mail address like name@example.com, or a phone number"],
    [["--to", "ada@"], "must be an e-mail address"],
    [["--to", "ada@example.com", "--channel", "sms"], "--channel sms does not reach --to: it needs a phone number."],
    [["--to", "ada@example.com", "--wait", "11m"], "--wait must be at most 10m."],
    [["--to", "ada@example.com", "--app", "nowhere"], "There is no app with this id"],
  ])("send-test refuses %j in one sentence and queues nothing", async (argv, sentence) => {
    const { code, out, err } = await sendTest(...argv);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain(sentence);
    expect(await listed()).toEqual([]);
  });

  it("send-test refuses a channel that the app's policy leaves out", async () => {
    await latchkey(env, ["app", "policy", "shop", "--set", "channels=email", "--set", "registration_sources=email"]);
    const { code, err } = await sendTest("--to", "+46701740605");
    expect(code).toBe(1);
    expect(err).toContain("The app shop may not send by sms:");
    expect(await listed()).toEqual([]);
  });

  it("send-test counts against the limits of its contact", async () => {
    await sendTest("--to", "ada@example.com");
    const again = await sendTest("--to", "ada@example.com");
    expect(again).toMatchObject({ code: 1, out: "" });
    expect(again.err).toMatch(/^Too many messages went to this contact: try again in \d+ s\.$/m);
    expect(await listed()).toHaveLength(1);
  });
});

describe.each(testEngines())("send-test beside a running server on $engine", ({ database }) => {
  let mail: MailServer;
  let on: TestApp;
  let env: Record<string, string>;
  beforeEach(async () => {
    const refuse = (command: string, address: string) =>
      command === "RCPT" && address.startsWith("gone@") ? "550 5.1.1 No such user" : undefined;
    mail = await startMailServer({ refuse });
    const smtp = { LATCHKEY_SMTP_URL: `smtp://127.0.0.1:${mail.port}?from=codes@example.com&starttls=never#post` };
    const given = { ...(await database()), ...commandSecrets, ...smtp };
    // Commands have the real clock.
    on = await startTestApp(given, { clock: Date.now });
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(on.folder, "latchkey.db")}`, ...given };
    await latchkey(env, ["client", "create", "--app", "default", "--kind", "public", "--id", "web"]);
  });
  afterEach(async () => {
    await on.stop();
    await mail.stop();
  });

  it("a mail arrives, its code is of no client, and neither code nor address is in the output", async () => {
    const { code, out, err, json } = await latchkey(env, ["send-test", "--to", "ada@example.com", "--json"]);
    expect(code).toBe(0);
    expect(json().message).toMatchObject({ status: "sent", provider: "post", purpose: "verify_contact", user_id: null });
    expect(mail.mails.map(({ recipients }) => recipients)).toEqual([["ada@example.com"]]);
    const sent = /\b\d{6}\b/.exec(mail.mails[0]!.parsed.text!)![0];
    for (const secret of [sent, "ada@example.com"]) expect(out + err).not.toContain(secret);
    const { challenge_id: challengeId } = json();
    expect((await refused(on.authAs("web").verifyOtp({ challengeId, code: sent }))).reason).toBe("CODE_INVALID");
    const shown = await latchkey(env, ["message", "show", String(json().message.message_id)]);
    expect(shown.out).toMatch(/^try {19} \S+Z post sent/m);
    const retried = await latchkey(env, ["message", "retry", String(json().message.message_id)]);
    expect(retried).toMatchObject({ code: 1, out: "" });
    expect(retried.err).toBe(
      "The message was a test, whose code can't be sent again: send another by `latchkey send-test --app default`.\n",
    );
  });

  it("a refused destination is said with its cause, and the exit code is 1", async () => {
    const { code, out } = await latchkey(env, ["send-test", "--to", "gone@example.com"]);
    expect(code).toBe(1);
    expect(out).toMatch(/^It was given up: .*550.*\. Correct this, then run the command again\.$/m);
    expect(mail.mails).toEqual([]);
  });
});

describe("message list --failed", () => {
  it("shows the messages that did not arrive, in whatever way, with carrier, country and cause, and no others", async () => {
    const center = await startCenter({
      react: (submit) => (submit.destination.address.endsWith("9") ? { status: 0x0b } : { messageId: "m0" }),
    });
    const url = `smpp://${login.systemId}:${login.password}@127.0.0.1:${center.port}?from=Example#center`;
    const given = { ...commandSecrets, LATCHKEY_SMS_URL: url };
    const on = await startTestApp(given, { clock: Date.now });
    try {
      const env = { LATCHKEY_DATABASE_URL: `sqlite:${join(on.folder, "latchkey.db")}`, ...given };
      await latchkey(env, ["send-test", "--to", "+46701740609"]);
      const absent = latchkey(env, ["send-test", "--to", "+4915112345678"]);
      await center.until(() => center.submits.length === 1);
      await center.deliver({ text: "id:m0 sub:001 dlvrd:001 stat:UNDELIV err:027" });
      await absent;
      await latchkey(env, ["send-test", "--to", "+46701740605", "--wait", "1s"]);
      const list = await latchkey(env, ["message", "list", "--failed", "--json"]);
      expect(list.json()).toMatchObject([
        { status: "undelivered", provider: "center", country: "DE", cause: expect.stringContaining("027") },
        { status: "failed", provider: "center", country: "SE", cause: expect.stringContaining("ESME_RINVDSTADR") },
      ]);
      expect((await latchkey(env, ["message", "list", "--json"])).json()).toHaveLength(3);
      expect((await latchkey(env, ["message", "list", "--failed", "--limit", "1", "--json"])).json()).toEqual([list.json()[0]]);
      const line = /^ *\d+ \S+Z failed {6}sms {6}center {7}SE \*+0609 .*ESME_RINVDSTADR/m;
      expect((await latchkey(env, ["message", "list", "--failed"])).out).toMatch(line);
      const both = await latchkey(env, ["message", "list", "--failed", "--status", "sent"]);
      expect(both).toMatchObject({ code: 1, out: "" });
    } finally {
      await on.stop();
      await center.stop();
    }
  });
});

describe("send-test over a carrier that reports", () => {
  it.each([
    ["DELIVRD", 0, /^The carrier center reports that it arrived\.$/m, "delivered"],
    [
      "UNDELIV",
      1,
      /^The carrier center reports that it did not arrive: .*\. Check the destination, or try another channel\.$/m,
      "undelivered",
    ],
  ])("waits for the report %s and exits with %d", async (state, exitCode, sentence, status) => {
    const center = await startCenter({ react: () => ({ messageId: "m0" }) });
    const url = `smpp://${login.systemId}:${login.password}@127.0.0.1:${center.port}?from=Example#center`;
    const given = { ...commandSecrets, LATCHKEY_SMS_URL: url };
    const on = await startTestApp(given, { clock: Date.now });
    try {
      const env = { LATCHKEY_DATABASE_URL: `sqlite:${join(on.folder, "latchkey.db")}`, ...given };
      const command = latchkey(env, ["send-test", "--to", "+46701740605"]);
      await center.until(() => center.submits.length === 1);
      await center.deliver({ text: `id:m0 sub:001 dlvrd:001 stat:${state} err:000` });
      const { code, out } = await command;
      expect([code, out]).toEqual([exitCode, expect.stringMatching(sentence)]);
      expect((await latchkey(env, ["message", "list", "--json"])).json()).toMatchObject([{ status, channel: "sms" }]);
    } finally {
      await on.stop();
      await center.stop();
    }
  });
});

describe("send-test over a carrier that does not report", () => {
  it("ends as soon as the gateway of an app took the message if its sealed description has no reports", async () => {
    const server = await startAnswering({ status: 200, body: {} });
    const on = await startTestApp(commandSecrets, { clock: Date.now });
    try {
      const env = { LATCHKEY_DATABASE_URL: `sqlite:${join(on.folder, "latchkey.db")}`, ...commandSecrets };
      const path = join(on.folder, "gateway.json");
      const request = { url: `${server.origin}/sms`, body: { json: { to: "{to}", text: "{text}" } } };
      writeFileSync(path, JSON.stringify({ channels: ["sms"], request, success: {} }));
      const put = await latchkey(env, ["provider", "put", "own", "--channel", "sms", "--gateway-file", path]);
      expect(put).toMatchObject({ code: 0, err: expect.not.stringContaining("must") });
      const { code, out } = await latchkey(env, ["send-test", "--to", "+46701740605"]);
      expect([code, out]).toEqual([0, expect.stringMatching(/^The carrier default\/own took it\. It sends no reports\./m)]);
    } finally {
      await on.stop();
      await server.stop();
    }
  });

  const request = { url: "https://8.8.8.8/", body: { json: { to: "{to}", text: "{text}" } } };
  const gateway = { channels: ["sms"], request, success: {} };
  const reports = {
    authentication: { type: "hmac", header: "x-signature", encoding: "hex", key: "{secrets.key}" },
    message_id: "/id",
    status: "/status",
    statuses: { ok: "delivered" },
  };
  it.each<[string, Partial<AppCarrierSettings> | null, boolean]>([
    ["Vonage without a signature secret", { url: `vonage://${key}:${secret}@rest.nexmo.com?from=A` }, false],
    ["Vonage with one", { url: `vonage://${key}:${secret}@rest.nexmo.com?from=A&signature_secret=${signatureSecret}` }, true],
    ["a gateway without reports", { gateway: JSON.stringify(gateway) }, false],
    ["a gateway with reports", { gateway: JSON.stringify({ ...gateway, secrets: { key: "s".repeat(32) }, reports }) }, true],
    ["a mail server", { url: "smtps://mail.example.com?from=a@example.com" }, false],
    ["settings that can't be opened here", null, true],
    ["settings that are refused now", { url: "nonsense://" }, true],
  ])("reads from the sealed settings of an app's carrier whether it reports: %s", async (_what, found, expected) => {
    const channel = found?.url?.startsWith("smtps") ? "email" : "sms";
    const app = { appId: "shop", carriers: [{ name: "own", channel, kind: "any", keyId: "k" }] } as const;
    const secrets = { find: async () => (found === null ? null : { url: "", gateway: "", ...found }) };
    const ofCarrier = await reportsOf({ carriers: [], mode: "production" }, app, secrets);
    expect([ofCarrier("shop/own"), ofCarrier("own"), ofCarrier(null)]).toEqual([expected, undefined, undefined]);
  });

  it("ends as soon as Vonage took the message if no signature secret is set", async () => {
    const server = await startVonageServer();
    const { host } = new URL(server.origin);
    const given = { ...commandSecrets, LATCHKEY_SMS_URL: `vonage://${key}:${secret}@${host}?from=Example&insecure=1` };
    const on = await startTestApp(given, { clock: Date.now });
    try {
      const env = { LATCHKEY_DATABASE_URL: `sqlite:${join(on.folder, "latchkey.db")}`, ...given };
      const { code, out } = await latchkey(env, ["send-test", "--to", "+46701740605"]);
      expect([code, out]).toEqual([0, expect.stringMatching(/^The carrier vonage took it\. It sends no reports\./m)]);
      expect(server.received.map(({ to }) => to)).toEqual(["+46701740605"]);
    } finally {
      await on.stop();
      await server.stop();
    }
  });
});
