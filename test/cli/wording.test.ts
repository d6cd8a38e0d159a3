import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { latchkey } from "../support/command-line.js";
import { testEngines } from "../support/engines.js";

describe.each(testEngines())("wording and text commands on $engine", ({ database }) => {
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}`, ...(await database()) };
    await latchkey(env, ["migrate"]);
    await latchkey(env, ["app", "create", "shop", "--name", "Shop"]);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const run = (...argv: string[]) => latchkey(env, [...argv, "--app", "shop"]);

  it("the wording is set value by value and shown", async () => {
    expect((await run("wording", "show")).out).toBe("The app shop has Latchkey's wording.\n");
    const set = await run(
      "wording",
      "set",
      "--sender-name",
      "Ada's Shop",
      "--link-hosts",
      "shop.example.com",
      "--web-host",
      "shop.example.com",
    );
    expect(set).toMatchObject({ code: 0, out: "Changed the wording of the app shop.\n" });
    expect((await run("wording", "set", "--sender-ids", "SHOP, +46701234567")).code).toBe(0);
    expect((await run("wording", "show", "--json")).json()).toEqual({
      sender_name: "Ada's Shop",
      accent_color: "",
      link_hosts: ["shop.example.com"],
      sender_ids: ["SHOP", "+46701234567"],
      autofill: { web_host: "shop.example.com", android_hash: "" },
    });
    const bad = await run("wording", "set", "--accent-color", "red", "--link-hosts", "https://shop.example.com");
    expect(bad).toMatchObject({ code: 1, out: "" });
    expect(bad.err).toMatch(/^--accent-color must be a colour.*\n--link-hosts, entry 1, must be a host name/m);
    expect((await run("wording", "set")).err).toContain("There is nothing to change");
  });

  it("a text is put, listed, previewed and deleted, and one that breaks rules is refused with all of them", async () => {
    expect((await run("text", "list")).out).toBe("The app shop has no texts of its own.\n");
    const file = join(folder, "text");
    writeFileSync(file, "Dein {app} Code:\r\n{otp}\r\n");
    const put = await run("text", "put", "--channel", "sms", "--locale", "DE", "--file", file);
    expect(put).toMatchObject({ code: 0, out: "Set the text of the app shop for sms, all wordings, de.\n" });
    expect((await run("text", "list")).out).toBe("sms, all wordings, de:\n  Dein {app} Code:\n  {otp}\n");
    const preview = await run("text", "preview", "--channel", "sms", "--locale", "de-AT");
    expect(preview.out).toBe("Dein Shop Code:\n123456\n\n1 short message in gsm7\n");
    const custom = ["--custom-message", "{app}: {otp}", "--subject", "Hi", "--html"];
    expect((await run("text", "preview", "--channel", "email", ...custom)).out).toMatch(/^Subject: Hi\n\n<!doctype html>/i);
    const bad = await run("text", "put", "--channel", "sms", "--subject", "Hi", "--text", "evil.test {x}");
    expect(bad).toMatchObject({ code: 1, out: "" });
    expect(bad.err.trim().split("\n").slice(-4)).toEqual([
      "--subject must be left out: only a mail has a subject.",
      "The text must have {otp}.",
      "The text has “{x}”: braces are only for the placeholders {otp}, {app}, {minutes}.",
      "The text has the link “evil.test”: only https links to the app's link_hosts are allowed.",
    ]);
    expect((await run("text", "delete", "--channel", "sms", "--locale", "de")).code).toBe(0);
    expect((await run("text", "list", "--json")).json()).toEqual([]);
  });
});
