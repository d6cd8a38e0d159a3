import { generateKeyPairSync, randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { Smtp } from "../../src/config/providers/smtp-url.js";
import { checkRules } from "../../src/config/rules.js";
import { describeSettings, type Env, type Files, readSettings, type Settings } from "../../src/config/settings.js";
import { isLoopback, parseListen } from "../../src/lib/listen.js";
import { Secret } from "../../src/lib/secret.js";
import { createAuthority } from "../support/tls.js";

const { cert: certificate, key: certificateKey } = createAuthority().issue(["localhost"]);

const pepper = randomBytes(32).toString("base64");
const masterKey = randomBytes(32).toString("base64");

const development: Env = { LATCHKEY_MODE: "development", LATCHKEY_PEPPER: pepper, LATCHKEY_MASTER_KEY: masterKey };
const production: Env = {
  LATCHKEY_MODE: "production",
  LATCHKEY_PEPPER: pepper,
  LATCHKEY_MASTER_KEY: masterKey,
  LATCHKEY_ISSUER: "https://auth.example.com",
  LATCHKEY_SMTP_URL: "smtp://user:hunter2hunter2@mail.example.com?from=codes@example.com",
  LATCHKEY_TLS: "terminated",
};

/** Files by path; all others are missing. */
function filesOf(contents: Record<string, string>): Files {
  return {
    readText(path) {
      const text = contents[path];
      if (text === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: "ENOENT" });
      return text;
    },
  };
}

function settingsOf(env: Env, contents: Record<string, string> = {}): Settings {
  const result = readSettings(env, { files: filesOf(contents) });
  if (!result.ok) throw new Error(result.problems.join("\n"));
  return result.settings;
}

function smtpOf(settings: Settings): Smtp {
  const [carrier] = settings.carriers;
  if (carrier?.spec.kind !== "smtp") throw new Error("the first carrier is no mail server");
  return carrier.spec.smtp;
}

function problemsOf(env: Env, contents: Record<string, string> = {}): readonly string[] {
  const result = readSettings(env, { files: filesOf(contents) });
  return result.ok ? [] : result.problems;
}

describe("defaults", () => {
  it("development needs secrets alone and stays on this machine", () => {
    expect(settingsOf(development)).toMatchObject({
      mode: "development",
      database: { kind: "sqlite", path: "latchkey.db" },
      grpcListen: { host: "127.0.0.1", port: 50051 },
      httpListen: { host: "127.0.0.1", port: 8080 },
      inboxListen: { host: "127.0.0.1", port: 8025 },
      issuer: "http://localhost:8080",
      codeHash: "fast",
      carriers: [],
      allowedOrigins: [],
      trustedProxies: [],
      outboundAllowed: ["127.0.0.0/8", "::1"],
      defaultClient: null,
      tls: { kind: "off" },
      signingAlg: "ES256",
      keyLeadMs: 86_400_000,
      messageRetentionMs: 30 * 86_400_000,
      reflection: true,
      logLevel: "info",
      policy: {
        codeLength: 6,
        codeTtlMs: 300_000,
        resendCooldownMs: [30_000, 60_000, 120_000, 300_000, 900_000],
        resendFloorMs: 15_000,
        accessTokenTtlMs: 600_000,
        refreshIdleMs: 604_800_000,
        refreshAbsoluteMs: 2_592_000_000,
        refreshGraceMs: 10_000,
        autoRegistration: true,
        publicContactProofs: true,
        possiblePhonesSuffice: true,
        channels: ["email", "sms", "whatsapp", "voice", "ussd"],
      },
    });
  });

  it("production has no inbox, no reflection, no origins and no relaxed policy", () => {
    expect(settingsOf(production)).toMatchObject({
      mode: "production",
      codeHash: "fast",
      inboxListen: null,
      issuer: "https://auth.example.com",
      allowedOrigins: [],
      reflection: false,
      carriers: [
        {
          name: "smtp",
          channel: "email",
          spec: {
            kind: "smtp",
            smtp: { host: "mail.example.com", port: 587, secure: false, user: "user", starttls: "required" },
          },
        },
      ],
      policy: { autoRegistration: false, publicContactProofs: false, possiblePhonesSuffice: false, channels: ["email"] },
    });
  });

  it("the issuer of development follows the HTTP port and TLS", () => {
    expect(settingsOf({ ...development, LATCHKEY_HTTP_LISTEN: "localhost:9000" }).issuer).toBe("http://localhost:9000");
    expect(
      settingsOf(
        { ...development, LATCHKEY_TLS: "files", LATCHKEY_TLS_CERT: "c", LATCHKEY_TLS_KEY: "k" },
        { c: certificate, k: certificateKey },
      ).issuer,
    ).toBe("https://localhost:8080");
  });
});

describe("problems", () => {
  it("are told all at once, a sentence each that begins with the variable", () => {
    const problems = problemsOf({
      ...production,
      LATCHKEY_CODE_TTL: "1h",
      LATCHKEY_TLS: "off",
      LATCHKEY_PEPPER: "abc",
      LATCHKEY_LOG: "x",
    });
    expect(problems.map((problem) => problem.split(" ")[0]).sort()).toEqual([
      "LATCHKEY_CODE_TTL",
      "LATCHKEY_LOG",
      "LATCHKEY_PEPPER",
      "LATCHKEY_TLS",
    ]);
    for (const problem of problems) expect(problem).toMatch(/^[^\n]+[.?]$/);
  });

  it("a mode must be given, and what depends on it is not judged without", () => {
    expect(problemsOf({})).toEqual(["LATCHKEY_MODE is not set: set it to development or production."]);
    expect(problemsOf({ LATCHKEY_MODE: "prod" })).toEqual(['LATCHKEY_MODE must be development or production, not "prod".']);
  });

  it("production lists everything that it needs", () => {
    expect(problemsOf({ LATCHKEY_MODE: "production" }).map((problem) => problem.split(" ")[0])).toEqual([
      "LATCHKEY_ISSUER",
      "LATCHKEY_PEPPER",
      "LATCHKEY_MASTER_KEY",
      "LATCHKEY_SMTP_URL",
      "LATCHKEY_TLS",
    ]);
  });

  it.each([
    ["LATCHKEY_PEPER", "did you mean LATCHKEY_PEPPER?"],
    ["LATCHKEY_LOGLEVEL", "did you mean LATCHKEY_LOG_LEVEL?"],
    ["LATCHKEY_PEPPER_FIEL", "did you mean LATCHKEY_PEPPER_FILE?"],
    ["LATCHKEY_SMTP", "did you mean LATCHKEY_SMTP_URL?"],
    ["LATCHKEY_COLOURS", "latchkey config"],
  ])("an unknown %s is refused with a hint", (name, hint) => {
    const problems = problemsOf({ ...development, [name]: "sensitive-value" });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(hint);
    expect(problems[0]).not.toContain("sensitive-value");
  });
});

describe("values that are refused in any mode", () => {
  it.each<[string, string]>([
    ["LATCHKEY_MODE", "Development"],
    ["LATCHKEY_DATABASE_URL", "postgres:user:hunter2@host/db"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@/db"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/"],
    ["LATCHKEY_DATABASE_URL", "postgres://:hunter2@host/db"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2#@host/db"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2%@host/db"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host:0/db"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/db?sslmode=prefer"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/db?sslmode=require&sslmode=disable"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/db?sslmode=require&sslrootcert=ca.pem"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/db?sslrootcert=missing.pem"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/db?password=hunter2"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@one,/db"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@one:5432,two:0/db"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@one:5432,two:65536/db"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@::1/db"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@one,two/db?target_session_attrs=any"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/db?target_session_attrs=prefer-standby"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/db?sslcert=client.pem"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/db?sslkey=client-key.pem"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/db?sslmode=disable&sslcert=client.pem&sslkey=client-key.pem"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/db?sslcert=missing.pem&sslkey=missing.pem"],
    ["LATCHKEY_DATABASE_URL", "postgres://user:hunter2@host/db?passfile=pgpass"],
    ["LATCHKEY_DATABASE_URL", "postgres://user@host/db?passfile="],
    ["LATCHKEY_DATABASE_URL", "postgres://user@host/db?passfile=missing"],
    ["LATCHKEY_DATABASE_POOL", "0"],
    ["LATCHKEY_DATABASE_POOL", "501"],
    ["LATCHKEY_DATABASE_READ_HOSTS", ""],
    ["LATCHKEY_DATABASE_READ_HOSTS", "db2,"],
    ["LATCHKEY_DATABASE_READ_HOSTS", "db2:0"],
    ["LATCHKEY_DATABASE_READ_HOSTS", "postgres://user:hunter2@db2/db"],
    ["LATCHKEY_DATABASE_URL", "latchkey.db"],
    ["LATCHKEY_DATABASE_URL", "sqlite:"],
    ["LATCHKEY_DATABASE_URL", "sqlite://latchkey.db"],
    ["LATCHKEY_DATABASE_URL", "sqlite:latchkey.db?mode=ro"],
    ["LATCHKEY_GRPC_LISTEN", "50051"],
    ["LATCHKEY_GRPC_LISTEN", ":50051"],
    ["LATCHKEY_GRPC_LISTEN", "::1:50051"],
    ["LATCHKEY_GRPC_LISTEN", "127.0.0.1:65536"],
    ["LATCHKEY_HTTP_LISTEN", "example.com:80"],
    ["LATCHKEY_HTTP_LISTEN", "127.0.0.1:8025x"],
    ["LATCHKEY_ISSUER", "auth.example.com"],
    ["LATCHKEY_ISSUER", "http://auth.example.com"],
    ["LATCHKEY_ISSUER", "https://auth.example.com/"],
    ["LATCHKEY_ISSUER", "https://auth.example.com?x=1"],
    ["LATCHKEY_ISSUER", "https://auth.example.com#x"],
    ["LATCHKEY_ISSUER", "https://AUTH.example.com"],
    ["LATCHKEY_ISSUER", "https://auth.example.com:443"],
    ["LATCHKEY_ISSUER", "https://user:hunter2@auth.example.com"],
    ["LATCHKEY_CODE_HASH", "bcrypt"],
    ["LATCHKEY_ALLOWED_ORIGINS", "*"],
    ["LATCHKEY_ALLOWED_ORIGINS", "https://*.example.com"],
    ["LATCHKEY_ALLOWED_ORIGINS", "https://app.example.com/"],
    ["LATCHKEY_ALLOWED_ORIGINS", "https://App.example.com"],
    ["LATCHKEY_ALLOWED_ORIGINS", "https://app.example.com:443"],
    ["LATCHKEY_ALLOWED_ORIGINS", "null"],
    ["LATCHKEY_ALLOWED_ORIGINS", "app://x"],
    ["LATCHKEY_ALLOWED_ORIGINS", "https://a.example,,https://b.example"],
    ["LATCHKEY_TRUSTED_PROXIES", "proxy.example.com"],
    ["LATCHKEY_TRUSTED_PROXIES", "10.0.0.0/33"],
    ["LATCHKEY_TRUSTED_PROXIES", "0.0.0.0/0"],
    ["LATCHKEY_TRUSTED_PROXIES", "::ffff:10.0.0.1"],
    ["LATCHKEY_TRUSTED_PROXIES", "fe80::1%eth0"],
    ["LATCHKEY_OUTBOUND_ALLOWED", "http://hooks.example.com"],
    ["LATCHKEY_OUTBOUND_ALLOWED", "hooks.example.com:8080"],
    ["LATCHKEY_OUTBOUND_ALLOWED", "*.example.com"],
    ["LATCHKEY_OUTBOUND_ALLOWED", "2130706433"],
    ["LATCHKEY_OUTBOUND_ALLOWED", "0x7f000001"],
    ["LATCHKEY_OUTBOUND_ALLOWED", "127.1"],
    ["LATCHKEY_OUTBOUND_ALLOWED", "0.0.0.0/0"],
    ["LATCHKEY_OUTBOUND_ALLOWED", "::/0"],
    ["LATCHKEY_OUTBOUND_ALLOWED", "[::1]"],
    ["LATCHKEY_DEFAULT_CLIENT", "true"],
    ["LATCHKEY_TLS", "on"],
    ["LATCHKEY_SIGNING_ALG", "HS256"],
    ["LATCHKEY_SIGNING_ALG", "none"],
    ["LATCHKEY_LOG_LEVEL", "trace"],
    ["LATCHKEY_CODE_LENGTH", "5"],
    ["LATCHKEY_CODE_LENGTH", "11"],
    ["LATCHKEY_CODE_LENGTH", "6.5"],
    ["LATCHKEY_CODE_TTL", "601s"],
    ["LATCHKEY_CODE_TTL", "0"],
    ["LATCHKEY_CODE_TTL", "5 m"],
    ["LATCHKEY_CODE_TTL", "-1s"],
    ["LATCHKEY_CODE_TTL", "1e3"],
    ["LATCHKEY_RESEND_COOLDOWN", "16m"],
    ["LATCHKEY_ACCESS_TOKEN_TTL", "61m"],
    ["LATCHKEY_REFRESH_IDLE", "91d"],
    ["LATCHKEY_REFRESH_ABSOLUTE", "91d"],
    ["LATCHKEY_REFRESH_ABSOLUTE", "6d"],
    ["LATCHKEY_REFRESH_GRACE", "61s"],
    ["LATCHKEY_KEY_LEAD", "31d"],
    ["LATCHKEY_MESSAGE_RETENTION", "23h"],
    ["LATCHKEY_MESSAGE_RETENTION", "366d"],
    ["LATCHKEY_REFLECTION", ""],
  ])("%s=%s", (name, value) => {
    for (const base of [development, production]) {
      const problems = problemsOf({ ...base, [name]: value });
      expect(problems.some((problem) => problem.startsWith(`${name} `))).toBe(true);
      expect(problems.join("\n")).not.toContain("hunter2");
    }
  });
});

describe("a PostgreSQL URL", () => {
  const databaseOf = (url: string, contents: Record<string, string> = {}) => {
    const { database } = settingsOf({ ...production, LATCHKEY_DATABASE_URL: url }, contents);
    if (database.kind !== "postgres") throw new Error(database.kind);
    return database;
  };

  it("is read with what is percent-encoded in it", () => {
    const database = databaseOf("postgresql://lat%40chkey:p%2Fw%3A%23@db.example.com:5433/la%20tch");
    expect(database).toMatchObject({
      hosts: [{ host: "db.example.com", port: 5433 }],
      user: "lat@chkey",
      database: "la tch",
    });
    expect(database.password?.reveal()).toBe("p/w:#");
  });

  it("checks the server's certificate and name unless it says otherwise, but on this machine", () => {
    expect(databaseOf("postgres://u:p@db.example.com/d")).toMatchObject({
      sslmode: "verify-full",
      sslrootcert: null,
      hosts: [{ host: "db.example.com", port: 5432 }],
    });
    expect(databaseOf("postgres://u:p@10.0.0.5/d?sslmode=disable").sslmode).toBe("disable");
    expect(databaseOf("postgres://u@[::1]/d")).toMatchObject({ hosts: [{ host: "::1" }], sslmode: "disable", password: null });
    expect(databaseOf("postgres://u@localhost/d?host=/run/postgresql")).toMatchObject({
      hosts: [{ host: "/run/postgresql", port: 5432 }],
      sslmode: "disable",
    });
    const withAuthority = "postgres://u:p@10.0.0.5/d?sslmode=verify-ca&sslrootcert=/etc/ca.pem";
    expect(databaseOf(withAuthority, { "/etc/ca.pem": certificate })).toMatchObject({
      sslmode: "verify-ca",
      sslrootcert: "/etc/ca.pem",
    });
    expect(problemsOf({ ...production, LATCHKEY_DATABASE_URL: withAuthority }, { "/etc/ca.pem": "no PEM" })).toEqual([
      "LATCHKEY_DATABASE_URL has an sslrootcert that is not a certificate in PEM format: correct the path or the file.",
    ]);
  });

  it("has several hosts, each with its port, and then wants one that takes writes", () => {
    const url = "postgres://u:p@one.example.com:5433,[2001:db8::1]:5434,three.example.com/d";
    expect(databaseOf(url)).toMatchObject({
      hosts: [
        { host: "one.example.com", port: 5433 },
        { host: "2001:db8::1", port: 5434 },
        { host: "three.example.com", port: 5432 },
      ],
      readWriteOnly: true,
      sslmode: "verify-full",
    });
    expect(databaseOf(`${url}?target_session_attrs=read-write`).readWriteOnly).toBe(true);
    expect(databaseOf("postgres://u:p@one/d").readWriteOnly).toBe(false);
    expect(databaseOf("postgres://u:p@one/d?target_session_attrs=read-write").readWriteOnly).toBe(true);
    expect(databaseOf("postgres://u:p@127.0.0.1,localhost/d").sslmode).toBe("disable");
    expect(databaseOf("postgres://u:p@127.0.0.1,db.example.com/d").sslmode).toBe("verify-full");
  });

  it("has a client certificate with its key, and each file that is wrong is told in a sentence", () => {
    const url = "postgres://u@db.example.com/d?sslcert=/c.pem&sslkey=/k.pem";
    const files = { "/c.pem": certificate, "/k.pem": certificateKey };
    expect(databaseOf(url, files)).toMatchObject({ sslmode: "verify-full", sslcert: "/c.pem", sslkey: "/k.pem" });
    const problems = (contents: Record<string, string>) =>
      problemsOf({ ...production, LATCHKEY_DATABASE_URL: url }, { ...files, ...contents });
    expect(problems({ "/c.pem": "sensitive", "/k.pem": "sensitive" })).toEqual([
      "LATCHKEY_DATABASE_URL has an sslcert that is not a certificate in PEM format: correct the path or the file.",
      "LATCHKEY_DATABASE_URL has an sslkey that is not a private key without a passphrase in PEM format: correct the path or the file.",
    ]);
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    expect(problems({ "/k.pem": privateKey.export({ type: "pkcs8", format: "pem" }) as string })).toEqual([
      "LATCHKEY_DATABASE_URL has an sslkey that is not the key of its sslcert: give the private key that the certificate was made for.",
    ]);
  });

  it("has its password in a passfile, where each host has the first line that fits, and is refused without one", () => {
    const url = "postgres://u@one,two/d?passfile=/pgpass";
    const passfile = [
      "# one:5432:d:u:comment",
      "one:5432:d:stranger:wrong",
      "one:5432:other:u:wrong",
      "one:*:d:u:a\\:b\\\\",
      "*:5432:*:*:rest",
      "",
    ].join("\n");
    const env = { ...production, LATCHKEY_DATABASE_URL: url };
    const { databaseLogin } = settingsOf(env, { "/pgpass": passfile });
    const passwordAt = (host: string) => databaseLogin!({ host, port: 5432 }).password?.reveal();
    expect([passwordAt("one"), passwordAt("two")]).toEqual(["a:b\\", "rest"]);
    expect(problemsOf(env, { "/pgpass": "one:5432:d:u:sensitive\n" })).toEqual([
      "LATCHKEY_DATABASE_URL has a `passfile` without a line for this host, port, database and user: add one.",
    ]);
    expect(problemsOf(env)).toEqual([
      "LATCHKEY_DATABASE_URL has a `passfile` that cannot be read (ENOENT): correct the path or the permissions.",
    ]);
  });

  it("has servers for reads by name or address, with 5432 as the port", () => {
    const env = { ...production, LATCHKEY_DATABASE_URL: "postgres://u:p@one/d" };
    expect(settingsOf(env).databaseReadHosts).toEqual([]);
    expect(settingsOf({ ...env, LATCHKEY_DATABASE_READ_HOSTS: "db2.example.com, [::1]:5433" }).databaseReadHosts).toEqual([
      { host: "db2.example.com", port: 5432 },
      { host: "::1", port: 5433 },
    ]);
    expect(problemsOf({ ...production, LATCHKEY_DATABASE_READ_HOSTS: "db2" })).toEqual([
      "LATCHKEY_DATABASE_READ_HOSTS is used only with PostgreSQL: remove it, or set LATCHKEY_DATABASE_URL to such a database.",
    ]);
  });

  it("from a file has user and password read again from there", () => {
    const contents = { "/url": "postgres://u:first@one/d\n" };
    const env = { ...production, LATCHKEY_DATABASE_URL_FILE: "/url" };
    const { database, databaseLogin } = settingsOf(env, contents);
    expect(database).toMatchObject({ kind: "postgres", user: "u" });
    contents["/url"] = "postgres://v:second@one/d\n";
    const { user, password } = databaseLogin!({ host: "one", port: 5432 });
    expect([user, password?.reveal()]).toEqual(["v", "second"]);
    expect(settingsOf({ ...production, LATCHKEY_DATABASE_URL: contents["/url"].trim() }).databaseLogin).toBeNull();
  });

  it("never shows its password: not in settings as JSON, text or inspected, nor among described settings", () => {
    const env = { ...production, LATCHKEY_DATABASE_URL: "postgres://user:sensitive-word@host/db" };
    const settings = settingsOf(env);
    const described = describeSettings(env, { files: filesOf({}) });
    for (const shown of [JSON.stringify(settings), inspect(settings, { depth: 9 }), JSON.stringify(described)]) {
      expect(shown).not.toContain("sensitive-word");
    }
  });
});

describe("values that production alone refuses", () => {
  it.each<[string, string]>([
    ["LATCHKEY_DATABASE_URL", "sqlite::memory:"],
    ["LATCHKEY_KEY_LEAD", "329s"],
    ["LATCHKEY_KEY_LEAD", "0"],
    ["LATCHKEY_CODE_TTL", "59s"],
    ["LATCHKEY_RESEND_COOLDOWN", "14s"],
    ["LATCHKEY_ACCESS_TOKEN_TTL", "59s"],
    ["LATCHKEY_INBOX_LISTEN", "127.0.0.1:8025"],
    ["LATCHKEY_SMTP_URL", "smtp://mail.example.com"],
    ["LATCHKEY_SMTP_URL", "smtp://mail.example.com?from=a@example.com&starttls=never"],
  ])("%s=%s", (name, value) => {
    expect(problemsOf({ ...development, [name]: value })).toEqual([]);
    const problems = problemsOf({ ...production, [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(name);
  });
});

describe("listeners", () => {
  it.each(["0.0.0.0:8080", "192.168.1.5:8080", "[::]:8080"])("development refuses %s, production takes it", (listen) => {
    expect(problemsOf({ ...development, LATCHKEY_HTTP_LISTEN: listen })).toHaveLength(1);
    expect(problemsOf({ ...production, LATCHKEY_HTTP_LISTEN: listen })).toEqual([]);
  });

  it.each(["127.0.0.1:0", "[::1]:9000", "localhost:9000", "127.0.0.2:9000"])("development takes %s", (listen) => {
    expect(problemsOf({ ...development, LATCHKEY_HTTP_LISTEN: listen })).toEqual([]);
  });

  it("the inbox is never open to the network", () => {
    expect(problemsOf({ ...development, LATCHKEY_INBOX_LISTEN: "0.0.0.0:8025" })).toHaveLength(1);
  });

  it("two cannot have one port, unless the system chooses it", () => {
    expect(problemsOf({ ...development, LATCHKEY_GRPC_LISTEN: "127.0.0.1:8080" })).toHaveLength(1);
    expect(problemsOf({ ...development, LATCHKEY_GRPC_LISTEN: "127.0.0.1:0", LATCHKEY_HTTP_LISTEN: "127.0.0.1:0" })).toEqual(
      [],
    );
  });

  it("loopback is 127.0.0.0/8, ::1 and localhost, and nothing that looks like it", () => {
    for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) expect(isLoopback(host)).toBe(true);
    for (const host of ["0.0.0.0", "::", "128.0.0.1", "localhost.example.com", "::2"]) expect(isLoopback(host)).toBe(false);
    expect(parseListen("[::1]:80")).toEqual({ host: "::1", port: 80 });
  });
});

describe("durations", () => {
  it.each([
    ["1500ms", 1_500],
    ["30s", 30_000],
    ["2m", 120_000],
    ["90", 90_000],
  ])("%s is %i ms", (text, ms) => {
    expect(settingsOf({ ...development, LATCHKEY_CODE_TTL: text }).policy.codeTtlMs).toBe(ms);
  });

  it("days and hours count for sessions", () => {
    const { policy } = settingsOf({ ...development, LATCHKEY_REFRESH_IDLE: "36h", LATCHKEY_REFRESH_ABSOLUTE: "2d" });
    expect([policy.refreshIdleMs, policy.refreshAbsoluteMs]).toEqual([129_600_000, 172_800_000]);
  });

  it("development may have no cooldown, and then no floor", () => {
    const { policy } = settingsOf({ ...development, LATCHKEY_RESEND_COOLDOWN: "0" });
    expect([policy.resendFloorMs, ...policy.resendCooldownMs]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("secrets", () => {
  const weak: [string, string][] = [
    ["no base64", "!!!not base64!!!"],
    ["too short", randomBytes(16).toString("base64")],
    ["too long, such as hex", randomBytes(32).toString("hex")],
    ["all bytes equal", Buffer.alloc(32, 7).toString("base64")],
    ["ascending", Buffer.from(Array.from({ length: 32 }, (_, i) => i + 200)).toString("base64")],
    ["descending", Buffer.from(Array.from({ length: 32 }, (_, i) => 90 - i)).toString("base64")],
    ["a repeated word", Buffer.from("changeme".repeat(4)).toString("base64")],
    ["text", Buffer.from("correct horse battery staple now").toString("base64")],
    ["base64 that spells a word", `${"changeme".repeat(5)}chang=`.slice(0, 43).concat("=")],
    ["a key given twice over", Buffer.concat([randomBytes(16)].flatMap((half) => [half, half])).toString("base64")],
    ["an id that is no id", `bad id:${pepper}`],
    ["an id that is too long", `${"x".repeat(17)}:${pepper}`],
    ["no id in a list", `${randomBytes(32).toString("base64")},2:${pepper}`],
    ["one id twice", `1:${randomBytes(32).toString("base64")},1:${pepper}`],
    ["one key twice", `1:${pepper},2:${pepper}`],
    ["an empty entry", `1:${pepper},`],
  ];

  it.each(weak)("refused and not repeated: %s", (_, value) => {
    for (const name of ["LATCHKEY_PEPPER", "LATCHKEY_MASTER_KEY"]) {
      const problems = problemsOf({ ...development, [name]: value });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(new RegExp(`^${name} (must|keys?) `));
      for (const part of value.split(/[:,]/).filter((text) => text.length > 8)) expect(problems[0]).not.toContain(part);
    }
  });

  it("pepper and master key cannot share a key, under whatever id", () => {
    const problems = problemsOf({ ...development, LATCHKEY_MASTER_KEY: `new:${masterKey},old:${pepper}` });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("LATCHKEY_PEPPER");
  });

  it("a bare key has the id 1, and of several the first is first", () => {
    const other = randomBytes(32).toString("base64url");
    const settings = settingsOf({ ...development, LATCHKEY_PEPPER: `b:${other},a_-1:${pepper}` });
    expect(settings.masterKey.map(({ id }) => id)).toEqual(["1"]);
    expect(settings.pepper.map(({ id, key }) => [id, key.reveal().toString("base64")])).toEqual([
      ["b", Buffer.from(other, "base64url").toString("base64")],
      ["a_-1", pepper],
    ]);
  });

  it("settings can be logged, inspected and serialized without telling one", () => {
    const settings = settingsOf(production);
    const shown = [
      inspect(settings, { depth: 9, showHidden: true }),
      JSON.stringify(settings),
      `${settings.pepper[0]!.key}`,
    ].join();
    const bytes = inspect(Buffer.from(pepper, "base64")).slice(8, 40);
    for (const secret of ["hunter2", pepper, masterKey, bytes]) expect(shown).not.toContain(secret);
    expect(smtpOf(settings).password?.reveal()).toBe("hunter2hunter2");
    expect(`${new Secret("x")}${JSON.stringify({ x: new Secret("x") })}`).toBe('[secret]{"x":"[secret]"}');
  });
});

describe("NAME_FILE", () => {
  it("gives a setting by a file's content without the newline at its end", () => {
    const env = { LATCHKEY_MODE_FILE: "mode", LATCHKEY_PEPPER_FILE: "pepper", LATCHKEY_MASTER_KEY: masterKey };
    const settings = settingsOf(env, { mode: "development\n", pepper: `${pepper}\r\n` });
    expect(settings.mode).toBe("development");
    expect(settings.pepper[0]!.key.reveal().toString("base64")).toBe(pepper);
  });

  it.each<[string, Env]>([
    ["both are set", { LATCHKEY_PEPPER: pepper, LATCHKEY_PEPPER_FILE: "pepper" }],
    ["the file is missing", { LATCHKEY_PEPPER: undefined, LATCHKEY_PEPPER_FILE: "missing" }],
    ["the file is empty", { LATCHKEY_PEPPER: undefined, LATCHKEY_PEPPER_FILE: "empty" }],
    ["the secret itself stands for the path", { LATCHKEY_PEPPER: undefined, LATCHKEY_PEPPER_FILE: pepper }],
  ])("is refused when %s", (_, env) => {
    const problems = problemsOf({ ...development, ...env }, { pepper, empty: "\n" });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("LATCHKEY_PEPPER_FILE");
    expect(problems[0]).not.toContain(pepper);
  });
});

describe("LATCHKEY_SMTP_URL", () => {
  it.each<[string, object]>([
    ["smtp://localhost", { host: "localhost", port: 587, secure: false, user: null, password: null, starttls: "optional" }],
    ["smtps://mail.example.com", { port: 465, secure: true }],
    ["smtp://[::1]:2525", { host: "::1", port: 2525 }],
    ["smtp://localhost?starttls=never", { starttls: "never", from: { name: "Latchkey", address: "no-reply@localhost" } }],
    ["smtp://u%40x:p%25@mail.example.com", { user: "u@x" }],
    ["smtp://localhost?from=Codes%20<a+b@example.com>", { from: { name: "Codes", address: "a+b@example.com" } }],
    ["smtp://localhost?from=a@example.com", { from: { name: "Latchkey", address: "a@example.com" } }],
  ])("%s", (url, expected) => {
    expect(smtpOf(settingsOf({ ...development, LATCHKEY_SMTP_URL: url }))).toMatchObject(expected);
  });

  it("production may talk in the clear to this machine alone", () => {
    const url = (host: string) => `smtp://${host}?from=a@example.com&starttls=never`;
    expect(problemsOf({ ...production, LATCHKEY_SMTP_URL: url("127.0.0.1") })).toEqual([]);
    expect(problemsOf({ ...production, LATCHKEY_SMTP_URL: url("10.0.0.1") })).toHaveLength(1);
  });

  it("a host is needed", () => {
    expect(problemsOf({ ...development, LATCHKEY_SMTP_URL: "smtp://" })).toHaveLength(1);
  });

  it.each([
    "http://mail.example.com",
    "mail.example.com:587",
    "smtp://user@mail.example.com",
    "smtp://:hunter2@mail.example.com",
    "smtp://user:hunter2%@mail.example.com",
    "smtp://user:hunter2/x@mail.example.com",
    "smtp://mail.example.com/path",
    "smtp://mail.example.com:0",
    "smtp://mail.example.com?pool=true",
    "smtp://mail.example.com?from=a@x.example&from=b@x.example",
    "smtp://mail.example.com?from=nobody",
    "smtp://mail.example.com?from=a@x.example%0d%0aBcc:b@x.example",
    "smtp://mail.example.com?from=a@x.example,b@x.example",
    "smtp://mail.example.com?starttls=yes",
    "smtps://mail.example.com?starttls=required",
  ])("%s is refused without being repeated", (url) => {
    const problems = problemsOf({ ...development, LATCHKEY_SMTP_URL: url });
    expect(problems).toHaveLength(1);
    expect(problems[0]).not.toContain("hunter2");
    expect(problems[0]).not.toContain(url);
  });
});

describe("carriers", () => {
  const mail = (host: string, name = "") => `smtp://${host}?from=codes@example.com${name}`;
  const namesOf = (env: Env, contents: Record<string, string> = {}) =>
    settingsOf({ ...production, ...env }, contents).carriers.map(({ name, channel }) => [name, channel]);

  it("are tried in the order in which they are written, each with a name of its own", () => {
    const url = [mail("a.example"), mail("b.example", "#backup"), ` ${mail("c.example")}`].join(",");
    const { carriers } = settingsOf({ ...production, LATCHKEY_SMTP_URL: url });
    expect(carriers.map(({ name, spec }) => [name, spec.kind === "smtp" && spec.smtp.host])).toEqual([
      ["smtp", "a.example"],
      ["backup", "b.example"],
      ["smtp-2", "c.example"],
    ]);
  });

  it("never get a default name that another carrier has", () => {
    const url = [mail("a.example"), mail("b.example", "#smtp"), mail("c.example", "#smtp-2")].join(",");
    expect(namesOf({ LATCHKEY_SMTP_URL: url }).map(([name]) => name)).toEqual(["smtp-3", "smtp", "smtp-2"]);
  });

  it("come from a file one a line", () => {
    const file = `${mail("a.example", "#first")}\n${mail("b.example", "#second")}\r\n`;
    const env = { LATCHKEY_SMTP_URL: undefined, LATCHKEY_SMTP_URL_FILE: "smtp-url" };
    expect(namesOf(env, { "smtp-url": file })).toEqual([
      ["first", "email"],
      ["second", "email"],
    ]);
  });

  it("may have a comma in a password if it is percent-encoded", () => {
    const url = (password: string) => `smtp://u:${password}@mail.example.com?from=a@example.com`;
    expect(smtpOf(settingsOf({ ...production, LATCHKEY_SMTP_URL: url("hunter%2C2") })).password?.reveal()).toBe("hunter,2");
    const [problem, ...others] = problemsOf({ ...production, LATCHKEY_SMTP_URL: url("hunter,2") });
    expect(others).toEqual([]);
    expect(problem).toContain("write a comma inside a URL as %2C");
    expect(problem).not.toContain("hunter");
  });

  it("are refused with all their faults at once, by their places", () => {
    const url = ["http://u:hunter2@a.example", mail("b.example"), "smtp://u:hunter2@c.example?pool=1"].join(",");
    const [problem, ...others] = problemsOf({ ...production, LATCHKEY_SMTP_URL: url });
    expect(others).toEqual([]);
    expect(problem).toMatch(/^LATCHKEY_SMTP_URL URL 1 must begin with smtp:\/\/, .*; URL 3 has a parameter other than/);
    expect(problem).not.toContain("hunter2");
  });

  it.each(["#", "#Backup", "#a_b", "#-a", `#${"a".repeat(33)}`, "#inbox", "#a#b"])("can't be named %s", (name) => {
    const problems = problemsOf({ ...production, LATCHKEY_SMTP_URL: mail("a.example", name) });
    expect(problems).toEqual([expect.stringMatching(/^LATCHKEY_SMTP_URL must have .* after "#"/)]);
  });

  it("can't have one name twice", () => {
    const url = [mail("a.example", "#mail"), mail("b.example", "#mail")].join(",");
    expect(problemsOf({ ...production, LATCHKEY_SMTP_URL: url })).toEqual([
      "LATCHKEY_SMTP_URL has the name #mail twice: give each carrier a name of its own.",
    ]);
  });

  it("of one channel are not those of another", () => {
    const problems = problemsOf({ ...production, LATCHKEY_SMS_URL: "smtp://u:hunter2@a.example?from=a@example.com" });
    expect(problems).toEqual([expect.stringMatching(/^LATCHKEY_SMS_URL /)]);
    expect(problems.join()).not.toContain("hunter2");
  });

  it("are needed in production, and a refused one is not called missing", () => {
    const none = { ...production, LATCHKEY_SMTP_URL: undefined };
    expect(problemsOf(none)).toEqual([
      expect.stringMatching(/^LATCHKEY_SMTP_URL is not set: .* LATCHKEY_SMS_URL, LATCHKEY_WHATSAPP_URL, LATCHKEY_VOICE_URL/),
    ]);
    expect(problemsOf({ ...none, LATCHKEY_SMS_URL: "carrier-pigeon://x" })).toHaveLength(1);
  });
});

describe("LATCHKEY_ALLOWED_ORIGINS and LATCHKEY_TRUSTED_PROXIES", () => {
  it("are lists whose entries count once", () => {
    const settings = settingsOf({
      ...development,
      LATCHKEY_ALLOWED_ORIGINS: "https://a.example, http://localhost:5173,https://a.example",
      LATCHKEY_TRUSTED_PROXIES: "10.0.0.0/8, FD00::1",
    });
    expect(settings.allowedOrigins).toEqual(["https://a.example", "http://localhost:5173"]);
    expect(settings.trustedProxies).toEqual(["10.0.0.0/8", "fd00::1"]);
  });
});

describe("LATCHKEY_OUTBOUND_ALLOWED", () => {
  it("allows loopback in development and nothing in production", () => {
    expect(settingsOf(development).outboundAllowed).toEqual(["127.0.0.0/8", "::1"]);
    expect(settingsOf(production).outboundAllowed).toEqual([]);
  });

  it("is a list of hosts, addresses and networks", () => {
    const settings = settingsOf({ ...production, LATCHKEY_OUTBOUND_ALLOWED: "Hooks.internal, 10.0.0.0/8,FD00::1,intranet" });
    expect(settings.outboundAllowed).toEqual(["hooks.internal", "10.0.0.0/8", "fd00::1", "intranet"]);
  });
});

describe("LATCHKEY_TLS", () => {
  const files = { ...production, LATCHKEY_TLS: "files", LATCHKEY_TLS_CERT: "cert", LATCHKEY_TLS_KEY: "key" };
  const contents = { cert: certificate, key: certificateKey, ca: certificate };

  it("off is for listeners on this machine in production", () => {
    const local = { LATCHKEY_TLS: "off", LATCHKEY_GRPC_LISTEN: "127.0.0.1:50051", LATCHKEY_HTTP_LISTEN: "[::1]:8080" };
    expect(problemsOf({ ...production, ...local })).toEqual([]);
    expect(problemsOf({ ...production, ...local, LATCHKEY_GRPC_LISTEN: "10.0.0.1:50051" })).toHaveLength(1);
  });

  it("files takes a certificate, its key and, for mTLS, an authority", () => {
    expect(settingsOf(files, contents).tls).toEqual({ kind: "files", certFile: "cert", keyFile: "key", clientCaFile: null });
    expect(settingsOf({ ...files, LATCHKEY_TLS_CLIENT_CA: "ca" }, contents).tls).toMatchObject({ clientCaFile: "ca" });
  });

  const otherKey = generateKeyPairSync("ec", { namedCurve: "P-256" })
    .privateKey.export({ format: "pem", type: "pkcs8" })
    .toString();

  it.each<[string, Env, Record<string, string>, string]>([
    ["no certificate is named", { LATCHKEY_TLS_CERT: undefined }, {}, "LATCHKEY_TLS_CERT"],
    ["no key is named", { LATCHKEY_TLS_KEY: undefined }, {}, "LATCHKEY_TLS_KEY"],
    ["the certificate is missing", { LATCHKEY_TLS_CERT: "nowhere" }, {}, "LATCHKEY_TLS_CERT"],
    ["the certificate is no PEM", {}, { cert: "garbage" }, "LATCHKEY_TLS_CERT"],
    ["the key is no PEM", {}, { key: "garbage" }, "LATCHKEY_TLS_KEY"],
    ["the key is another certificate's", {}, { key: otherKey }, "LATCHKEY_TLS_KEY"],
    ["the authority is a key", { LATCHKEY_TLS_CLIENT_CA: "ca" }, { ca: otherKey }, "LATCHKEY_TLS_CLIENT_CA"],
    ["TLS is terminated elsewhere", { LATCHKEY_TLS: "terminated", LATCHKEY_TLS_KEY: undefined }, {}, "LATCHKEY_TLS_CERT"],
  ])("is refused when %s", (_, env, changed, name) => {
    const problems = problemsOf({ ...files, ...env }, { ...contents, ...changed });
    expect(problems).toHaveLength(1);
    expect(problems[0]!.startsWith(`${name} `)).toBe(true);
  });
});

describe("a password in a URL that was not percent-encoded", () => {
  const hint = 'percent-encode "/", "?", "#", "%" and "@" in a password: %2F, %3F, %23, %25 and %40.';
  it.each([
    ["LATCHKEY_DATABASE_URL", "postgres://u:12/sensitive@host/db"],
    ["LATCHKEY_DATABASE_URL", "postgres://u:12?sensitive@host/db"],
    ["LATCHKEY_SMTP_URL", "smtp://u:pass/sensitive@mail.example.com:587?from=codes@example.com"],
    ["LATCHKEY_SMTP_URL", "smtp://u:12?sensitive@mail.example.com:587?from=codes@example.com"],
    ["LATCHKEY_SMTP_URL", "smtps://u:pass#sensitive@mail.example.com?from=codes@example.com"],
  ])("is recognised in %s (%s), and not repeated", (name, url) => {
    const [problem, ...others] = problemsOf({ ...production, [name]: url });
    expect(others).toEqual([]);
    expect(problem).toMatch(new RegExp(`^${name} `));
    expect(problem).toContain(hint);
    expect(problem).not.toContain("sensitive");
  });

  it("is not suspected in other mistakes", () => {
    const problems = problemsOf({ ...production, LATCHKEY_SMTP_URL: "smtp://mail.example.com:99999?starttls=required" });
    expect(problems.join()).not.toContain("percent-encode");
  });
});

describe("LATCHKEY_APP_NAME", () => {
  it("is what mail is from when the sender has no name of its own", () => {
    const named = (url: string) => settingsOf({ ...production, LATCHKEY_APP_NAME: "Ada's Shop", LATCHKEY_SMTP_URL: url });
    expect(smtpOf(named("smtp://mail.example.com?from=codes@example.com")).from.name).toBe("Ada's Shop");
    expect(smtpOf(named("smtp://mail.example.com?from=Till%20<codes@example.com>")).from.name).toBe("Till");
    expect(settingsOf(production).appName).toBe("Latchkey");
  });

  it.each(["\u202eevil", "a\nb", "x".repeat(41), " "])("refuses %j", (name) => {
    expect(problemsOf({ ...production, LATCHKEY_APP_NAME: name })).toEqual([
      "LATCHKEY_APP_NAME must be 1 to 40 characters, without line breaks and control characters.",
    ]);
  });
});

describe("LATCHKEY_METRICS_LISTEN", () => {
  it("may be any address in production and this machine's alone in development", () => {
    expect(settingsOf({ ...production, LATCHKEY_METRICS_LISTEN: "0.0.0.0:9464" }).metricsListen.host).toBe("0.0.0.0");
    const development = { ...production, LATCHKEY_MODE: "development", LATCHKEY_METRICS_LISTEN: "0.0.0.0:9464" };
    expect(problemsOf(development).join()).toContain(
      "LATCHKEY_METRICS_LISTEN must be an address of this machine only in development",
    );
  });

  it.each(["short", "with space in the middle", "ünïcode-token-of-20"])(
    "goes with no token like %j, which is not repeated",
    (token) => {
      const problems = problemsOf({ ...production, LATCHKEY_METRICS_TOKEN: token });
      expect(problems).toEqual([
        expect.stringMatching(/^LATCHKEY_METRICS_TOKEN must be 16 to 256 letters.*openssl rand -hex 32/),
      ]);
      expect(problems.join()).not.toContain(token);
    },
  );
});

describe("describeSettings", () => {
  const inEffect = (env: Env, name: string) =>
    describeSettings(env, { files: filesOf({}) }).settings.find((row) => row.name === name)?.inEffect;

  it("says what is in effect where the mode is known, what is made of other settings included", () => {
    const development = { LATCHKEY_MODE: "development", LATCHKEY_HTTP_LISTEN: "127.0.0.1:9000" };
    expect(inEffect(development, "LATCHKEY_AUTO_REGISTRATION")).toBe("on");
    expect(inEffect(production, "LATCHKEY_AUTO_REGISTRATION")).toBe("off");
    expect(inEffect({ ...production, LATCHKEY_CODE_TTL: "90s" }, "LATCHKEY_CODE_TTL")).toBe("90s");
    expect(inEffect(development, "LATCHKEY_ISSUER")).toBe("http://localhost:9000");
    expect(inEffect({}, "LATCHKEY_AUTO_REGISTRATION")).toBeNull();
  });

  it("names every setting with purpose and defaults, and shows neither secrets nor refused values", () => {
    const env = {
      ...production,
      LATCHKEY_CODE_HASH: "oops-a-secret",
      LATCHKEY_PEPPER: undefined,
      LATCHKEY_PEPPER_FILE: "/run/pepper",
    };
    const { settings: rows } = describeSettings(env, { files: filesOf({ "/run/pepper": pepper }) });
    const shownFor = (name: string) => rows.find((row) => row.name === name)?.value;
    expect(shownFor("LATCHKEY_PEPPER")).toBe("[secret]");
    expect(shownFor("LATCHKEY_SMTP_URL")).toBe("[secret]");
    expect(shownFor("LATCHKEY_CODE_HASH")).toBe("[refused]");
    expect(shownFor("LATCHKEY_ISSUER")).toBe("https://auth.example.com");
    expect(shownFor("LATCHKEY_CODE_TTL")).toBeNull();
    for (const row of rows) expect(row.purpose).toMatch(/^[A-Z].*\.$/);
  });
});

describe("the odds of guessing a code", () => {
  const refusalOf = (codeLength: number) =>
    checkRules({ codeLength } as Parameters<typeof checkRules>[0], "production")
      .filter(({ name }) => name === "LATCHKEY_CODE_LENGTH")
      .map(({ text }) => text);

  it("above 1e-4 a day per identifier are refused, by the total of all requesters; six digits are enough", () => {
    expect(refusalOf(5)).toEqual([
      "LATCHKEY_CODE_LENGTH must be longer than 5: 40 guesses a day at one identifier would succeed with a probability of 4e-4, and at most 1e-4 is allowed.",
    ]);
    expect(refusalOf(6)).toEqual([]);
  });
});
