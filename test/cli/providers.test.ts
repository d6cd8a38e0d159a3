import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkAppCarriers } from "../../src/cli/doctor/app-carriers.js";
import { storeLocation } from "../../src/server/core.js";
import { openStore } from "../../src/store/open.js";
import { testSettings } from "../support/app.js";
import { commandSecrets, latchkey } from "../support/command-line.js";
import { testEngines } from "../support/engines.js";
import { type MailServer, startMailServer } from "../support/smtp.js";

const gatewayWithoutCheck = JSON.stringify({
  channels: ["sms"],
  request: { url: "https://8.8.8.8/", body: { json: { to: "{to}", text: "{text}" } } },
  success: {},
});
const login = { user: "shop", password: "own-mail-password" };

describe.each(testEngines())("provider commands on $engine", ({ database }) => {
  let folder: string;
  let env: Record<string, string>;
  let server: MailServer;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    server = await startMailServer({ login });
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}`, ...(await database()) };
    await latchkey(env, ["migrate"]);
    await latchkey(env, ["app", "create", "shop"]);
  });
  afterEach(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const provider = (...argv: string[]) => latchkey(env, ["provider", ...argv, "--app", "shop"]);
  const fileOf = (text: string): string => {
    const path = join(folder, "settings");
    writeFileSync(path, text);
    return path;
  };
  const url = (password: string) => `smtp://shop:${password}@127.0.0.1:${server.port}?from=codes@shop.example&starttls=never\n`;
  const put = (text: string, ...more: string[]) =>
    provider("put", "mail", "--channel", "email", "--url-file", fileOf(text), ...more);

  it("put, test, list and delete a carrier, whose credentials come from a file and are never printed", async () => {
    expect((await provider("list")).out).toMatch(/no carriers of its own/);
    const texts = [await put(url("wrong-password")), await provider("test", "mail")];
    expect(texts.map(({ code }) => code)).toEqual([0, 1]);
    expect(texts[1]!.out).toMatch(/^The carrier shop\/mail can't be used: The mail server refused the login \(535/);
    texts.push(await put(url(login.password), "--json"), await provider("test", "mail"), await provider("list", "--json"));
    expect(texts.slice(2).map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(texts[2]!.json()).toEqual({ name: "mail", channel: "email", kind: "smtp" });
    expect(texts[3]!.out).toBe("The carrier shop/mail accepts its credentials.\n");
    expect(texts[4]!.json()).toEqual([{ name: "mail", channel: "email", kind: "smtp" }]);
    texts.push(await provider("delete", "mail"), await provider("test", "mail"));
    expect(texts.at(-1)).toMatchObject({ code: 1, err: expect.stringContaining("The app shop has no carrier of this name") });
    for (const { out, err } of texts) expect(out + err).not.toContain("-password");
    expect(server.mails).toEqual([]);
  });

  it("doctor checks the carriers of apps without sending, and names app and carrier", async () => {
    expect((await latchkey(env, ["doctor"])).out).not.toContain("of the app shop");
    await put(url(login.password));
    await provider("put", "other", "--channel", "email", "--url-file", fileOf(url("wrong-password")));
    await provider("put", "sms", "--channel", "sms", "--gateway-file", fileOf(gatewayWithoutCheck));
    const { code, out, err } = await latchkey(env, ["doctor"]);
    expect(code).toBe(1);
    expect(out).toContain("ok      the carrier shop/mail of the app shop (email) can be used\n");
    expect(out).toContain(
      "problem the carrier shop/other of the app shop (email) cannot be used: the mail server refused the login",
    );
    expect(out).toContain(
      "warning the carrier shop/sms of the app shop (sms) can only be checked by sending: run `latchkey send-test --app shop",
    );
    expect(out + err).not.toContain("-password");
    expect(server.mails).toEqual([]);
  });

  it("doctor checks a bounded number of the carriers of apps, each for a bounded time, and says how many are left", async () => {
    await put(url(login.password));
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = silent.address() as AddressInfo;
      const away = fileOf(`smtp://127.0.0.1:${port}?from=codes@shop.example&starttls=never\n`);
      for (const name of ["silent", "more"]) await provider("put", name, "--channel", "email", "--url-file", away);
      const settings = testSettings({ ...commandSecrets, ...env });
      const store = await openStore(storeLocation(settings), { inFlight: () => 0 });
      try {
        const findings = await checkAppCarriers(store, settings, { checkedMax: 2, atOnce: 2, eachMs: 3_000 });
        expect(findings.map(({ kind }) => kind)).toEqual(["ok", "problem", "warning"]);
        expect(findings[1]!.text).toMatch(/^the carrier shop\/silent .* did not answer in time/);
        expect(findings[2]!.text).toMatch(/^1 more carrier of apps not checked/);
      } finally {
        await store.close();
      }
    } finally {
      silent.close();
    }
  });

  it("put sets a gateway by its description", async () => {
    const set = await provider("put", "sms", "--channel", "sms", "--gateway-file", fileOf(gatewayWithoutCheck));
    expect(set.out).toMatch(/^The app shop uses the carrier sms \(http-gateway\) for sms/);
    const tested = await provider("test", "sms");
    expect([tested.code, tested.out]).toEqual([0, expect.stringMatching(/can't be tested without sending/)]);
  });

  it.each([
    [
      "a URL on the command line",
      ["--url-file", "smtp://shop:own-mail-password@127.0.0.1"],
      /takes the path of a file, not a URL/,
    ],
    ["no settings", [], /Give either --url-file or --gateway-file/],
    ["a file that is not there", ["--url-file", "/nowhere"], /names a file that cannot be read/],
    ["a place that no carrier has", ["--url-file", "/nowhere", "--position", "11"], /from 1 to 10/],
  ])("put refuses %s, and sets nothing", async (_what, argv, expected) => {
    const { code, err } = await provider("put", "mail", "--channel", "email", ...argv);
    expect(code).not.toBe(0);
    expect(err).toMatch(expected);
    expect(err).not.toContain(login.password);
    expect((await provider("list", "--json")).json()).toEqual([]);
  });

  it("put refuses settings that the service would refuse, in the words of the command line", async () => {
    const { code, err } = await put("smtp://mail.example.com?from=codes@shop.example&ca=/etc/passwd");
    expect([code, err]).toEqual([1, "The URL must not name a file of this machine as `ca`: remove it.\n"]);
    expect((await provider("list", "--json")).json()).toEqual([]);
  });
});
