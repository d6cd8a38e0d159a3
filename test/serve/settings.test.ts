import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { developmentEnv, type Env, endServers, newFolder, productionEnv } from "../support/server.js";
import { refusal, refusedStart, without } from "./refusals.js";

afterAll(endServers);

const base64 = (bytes: Buffer): string => bytes.toString("base64");

describe.concurrent("a start is refused in one sentence, without making a database, for", () => {
  const cases: readonly (readonly [string, () => Env, RegExp])[] = [
    ["no mode", () => without(developmentEnv(), "LATCHKEY_MODE"), /^LATCHKEY_MODE is not set/],
    [
      "development on a public address",
      () => dev({ LATCHKEY_GRPC_LISTEN: "0.0.0.0:0" }),
      /^LATCHKEY_GRPC_LISTEN must be .* this machine/,
    ],
    [
      "development on a public web address",
      () => dev({ LATCHKEY_HTTP_LISTEN: "[::]:0" }),
      /^LATCHKEY_HTTP_LISTEN must be .* this machine/,
    ],
    [
      "an inbox on a public address",
      () => dev({ LATCHKEY_INBOX_LISTEN: "192.0.2.1:0" }),
      /^LATCHKEY_INBOX_LISTEN must be .* this machine/,
    ],
    [
      "an inbox in production",
      () => prod({ LATCHKEY_INBOX_LISTEN: "127.0.0.1:0" }),
      /^LATCHKEY_INBOX_LISTEN must not be set in production/,
    ],
    ["production without a pepper", () => without(prod(), "LATCHKEY_PEPPER"), /^LATCHKEY_PEPPER is not set/],
    ["production without a master key", () => without(prod(), "LATCHKEY_MASTER_KEY"), /^LATCHKEY_MASTER_KEY is not set/],
    ["production without an issuer", () => without(prod(), "LATCHKEY_ISSUER"), /^LATCHKEY_ISSUER is not set/],
    ["production without a provider", () => without(prod(), "LATCHKEY_SMTP_URL"), /^LATCHKEY_SMTP_URL is not set/],
    [
      "production without TLS on a public address",
      () => prod({ LATCHKEY_TLS: "off", LATCHKEY_HTTP_LISTEN: "0.0.0.0:0" }),
      /^LATCHKEY_TLS must not be off in production/,
    ],
    [
      "a pepper of sixteen bytes",
      () => prod({ LATCHKEY_PEPPER: base64(randomBytes(16)) }),
      /^LATCHKEY_PEPPER must be 32 bytes/,
    ],
    [
      "a master key of 31 bytes",
      () => dev({ LATCHKEY_MASTER_KEY: base64(randomBytes(31)) }),
      /^LATCHKEY_MASTER_KEY must be 32 bytes/,
    ],
    ["a pepper of zeros", () => prod({ LATCHKEY_PEPPER: base64(Buffer.alloc(32)) }), /^LATCHKEY_PEPPER must be random/],
    [
      "a master key that counts",
      () => dev({ LATCHKEY_MASTER_KEY: base64(Buffer.from([...Array(32).keys()])) }),
      /^LATCHKEY_MASTER_KEY must be random/,
    ],
    [
      "a pepper that is a text",
      () => prod({ LATCHKEY_PEPPER: base64(Buffer.from("changeme-changeme-changeme-00000")) }),
      /^LATCHKEY_PEPPER must be random/,
    ],
    ["a pepper that is a word", () => prod({ LATCHKEY_PEPPER: "changeme" }), /^LATCHKEY_PEPPER must be/],
    [
      "one secret for both",
      () => ({ ...prod(), LATCHKEY_PEPPER: sharedKey, LATCHKEY_MASTER_KEY: sharedKey }),
      /^LATCHKEY_MASTER_KEY must not share a key/,
    ],
    [
      "mail in the clear to another machine",
      () => prod({ LATCHKEY_SMTP_URL: "smtp://mail.example.com?from=a@example.com&starttls=never" }),
      /^LATCHKEY_SMTP_URL must not have starttls=never/,
    ],
    [
      "TLS without its files",
      () => without({ ...prod(), LATCHKEY_TLS: "files", LATCHKEY_TLS_KEY: "/dev/null" }, "LATCHKEY_TLS_CERT"),
      /^LATCHKEY_TLS_CERT is not set/,
    ],
    [
      "a secret's file that is not there",
      () => ({ ...without(prod(), "LATCHKEY_PEPPER"), LATCHKEY_PEPPER_FILE: "/nowhere/pepper" }),
      /^LATCHKEY_PEPPER_FILE names a file that cannot be read \(ENOENT\)/,
    ],
    ["a misspelt setting", () => dev({ LATCHKEY_CODE_TTL_SECONDS: "30" }), /^LATCHKEY_CODE_TTL_SECONDS is not a setting/],
  ];

  it.each(cases)("%s", async (_, env, sentence) => {
    const folder = newFolder();
    expect(await refusal(env(), folder)).toMatch(sentence);
    expect(readdirSync(folder)).toEqual([]);
  });
});

const sharedKey = base64(randomBytes(32));
const dev = (changed: Env = {}): Env => ({ ...developmentEnv(), ...changed });
const prod = (changed: Env = {}): Env => ({ ...productionEnv(), ...changed });

it("all errors are told at once, a line each, without the value of any secret", async () => {
  const folder = newFolder();
  const env = {
    ...without(productionEnv(), "LATCHKEY_ISSUER"),
    LATCHKEY_PEPPER: "hunter2hunter2hunter2",
    LATCHKEY_MASTER_KEY: "k1:correcthorsebatterystaple",
    LATCHKEY_SMTP_URL: "smtp://mailer:tr0ub4dor-and-3@mail.example.com:99999",
    LATCHKEY_CODE_LENGTH: "4",
    LATCHKEY_CODE_TTL: "1y",
    LATCHKEY_GRPC_LISTEN: "everywhere",
    LATCHKEY_PEPER: "a-typing-error-that-holds-a-secret",
  };
  const { stderr } = await refusedStart(env, folder);
  const named = stderr.map((line) => line.split(" ")[0]);
  expect([...named].sort()).toEqual(
    [
      "LATCHKEY_CODE_LENGTH",
      "LATCHKEY_CODE_TTL",
      "LATCHKEY_GRPC_LISTEN",
      "LATCHKEY_ISSUER",
      "LATCHKEY_MASTER_KEY",
      "LATCHKEY_PEPER",
      "LATCHKEY_PEPPER",
      "LATCHKEY_SMTP_URL",
    ].sort(),
  );
  for (const secret of ["hunter2", "correcthorse", "tr0ub4dor", "typing-error"])
    expect(stderr.join("\n")).not.toContain(secret);
  expect(existsSync(join(folder, "latchkey.db"))).toBe(false);
});
