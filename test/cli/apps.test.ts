import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dialectPolicies, dialects, dialectTexts } from "../../src/model/dialect.js";
import { type PolicyField, policyFields, policyKeys } from "../../src/model/policy-fields.js";
import { startHookServer, verifyQuestion } from "../accounts/hook-server.js";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { signIn } from "../support/calls.js";
import { commandSecrets, latchkey } from "../support/command-line.js";
import { testEngines } from "../support/engines.js";

/** One field of each kind: what a command writes, what is then stored, and what is refused. */
const policyOfEachKind: Readonly<
  Record<PolicyField["kind"], { name: string; good: string; stored: unknown; bad: string; message: string }>
> = {
  count: {
    name: "code_length",
    good: "8",
    stored: 8,
    bad: "eight",
    message: 'code_length must be a whole number, not "eight".',
  },
  duration: {
    name: "code_ttl",
    good: "120s",
    stored: "2m",
    bad: "soon",
    message: 'code_ttl must be a duration such as 30s, 10m, 24h or 90d, not "soon".',
  },
  switch: {
    name: "code_sign_in",
    good: "off",
    stored: false,
    bad: "maybe",
    message: 'code_sign_in must be on or off, not "maybe".',
  },
  choice: {
    name: "default_channel",
    good: "sms",
    stored: "sms",
    bad: "fax",
    message: "default_channel must be one of email, sms, whatsapp, voice, ussd.",
  },
  set: {
    name: "token_fields",
    good: "email, roles",
    stored: ["email", "roles"],
    bad: "email,fax",
    message: "token_fields must have each of email, phone, username, roles at most once, and nothing more.",
  },
  countries: {
    name: "sms_countries",
    good: "de, TZ",
    stored: ["DE", "TZ"],
    bad: "DE,XX",
    message: "sms_countries must be ISO 3166-1 alpha-2 codes of countries in capitals, such as DE.",
  },
  words: {
    name: "token_attributes",
    good: "tier, plan_2",
    stored: ["tier", "plan_2"],
    bad: "tier,Plan 2",
    message: "token_attributes must be at most 16 different words of lower-case letters, digits and underscores.",
  },
};

describe.each(testEngines())("app and client commands on $engine", ({ database }) => {
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}`, ...(await database()) };
    await latchkey(env, ["migrate"]);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const cli = (...argv: string[]) => latchkey(env, argv);
  const yes = (...argv: string[]) => latchkey(env, argv, true);

  it("an app is made, listed, shown, changed, archived, taken back and deleted", async () => {
    const made = await cli("app", "create", "shop", "--name", "Shop", "--origins", "https://shop.example.com", "--json");
    expect(made.code).toBe(0);
    const app = made.json();
    expect(app).toEqual({
      app_id: "shop",
      number: 2,
      pool_id: "main",
      display_name: "Shop",
      logo_url: "",
      support_address: "",
      allowed_origins: ["https://shop.example.com"],
      audience: "",
      roles: [],
      owner_organization: expect.stringMatching(/^[0-9a-f-]{36}$/),
      policy: {},
      registration_hook: null,
      delivery_report_hook: null,
      wording: {
        sender_name: "",
        accent_color: "",
        link_hosts: [],
        sender_ids: [],
        autofill: { web_host: "", android_hash: "" },
      },
      state: "active",
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect((await cli("app", "show", "shop", "--json")).json()).toEqual(app);
    expect((await cli("app", "list", "--json")).json().map((one: { app_id: string }) => one.app_id)).toEqual([
      "default",
      "shop",
    ]);
    expect((await cli("app", "list")).out).toMatch(/^default .*\nshop +active +main +Shop\n$/);
    const changes = ["--name", "The Shop", "--origins", "", "--json"];
    expect((await cli("app", "update", "shop", ...changes)).json()).toEqual({
      ...app,
      display_name: "The Shop",
      allowed_origins: [],
    });
    expect((await cli("app", "archive", "shop", "--json")).json().state).toBe("archived");
    expect((await cli("app", "archive", "shop", "--undo", "--json")).json().state).toBe("active");
    expect((await yes("app", "delete", "shop", "--json")).json()).toEqual({ app_id: "shop", archived: false });
    expect((await cli("app", "show", "shop")).code).toBe(1);
  });

  it("an app that is made by a preset has the policy and the texts that the vendor documents", async () => {
    const made = await cli("app", "create", "clinic", "--preset", "biot");
    expect(made.out).toContain("`latchkey client create --app clinic --kind public --dialects biot`");
    expect((await cli("app", "show", "clinic", "--json")).json().policy).toEqual({ code_ttl: "2m", code_length: 6 });
    expect((await cli("text", "list", "--app", "clinic", "--json")).json()).toEqual([
      { channel: "sms", wording: "", locale: "", subject: "", text: "Hello, your user verification code is {otp}." },
    ]);
    expect((await cli("app", "create", "other", "--preset", "nobody")).code).not.toBe(0);
  });

  it.each(dialects)(
    "the preset %s makes an app with the documented policy and texts, and nothing else of its own",
    async (dialect) => {
      const { code, out } = await cli("app", "create", "moved", "--preset", dialect);
      expect([code, out]).toEqual([0, expect.stringContaining(`--dialects ${dialect}`)]);
      const { policy } = (await cli("app", "show", "moved", "--json")).json();
      const { defaultSources: _, ...own } = dialectPolicies[dialect];
      expect(Object.keys(policy)).toHaveLength(Object.keys(own).length);
      const texts = (await cli("text", "list", "--app", "moved", "--json")).json();
      expect(texts).toEqual(dialectTexts[dialect] ?? []);
    },
  );

  it("a registration hook is set, shown, replaced and deleted, and its secret is printed once", async () => {
    await cli("app", "create", "shop");
    const url = "http://127.0.0.1:3000/registration?token=hunter2";
    const set = await cli("app", "hook", "set", "shop", "--url", url, "--on-failure", "allow", "--json");
    expect(set.code).toBe(0);
    const { secret, ...app } = set.json();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(app.registration_hook).toEqual({ url, on_failure: "allow" });
    expect(set.err).toMatch(/set a registration hook .*by=operator/);
    expect(set.err).not.toMatch(/whsec_|hunter2/);
    const shown = await cli("app", "show", "shop", "--json");
    expect(shown.json()).toEqual(app);
    const replaced = await cli("app", "hook", "set", "shop", "--url", "https://192.0.2.1/");
    expect(replaced).toMatchObject({ code: 1, out: "" });
    expect(replaced.err).toBe(
      "--url must not lead to a loopback, private or reserved address, unless LATCHKEY_OUTBOUND_ALLOWED lists it.\n",
    );
    const again = await cli("app", "hook", "set", "shop", "--url", "http://[::1]:3000/");
    expect(again.out).toMatch(/^Set the registration hook of the app shop\.\nThe secret .* is shown only now: whsec_\S+\n$/);
    expect((await cli("app", "show", "shop", "--json")).json().registration_hook).toEqual({
      url: "http://[::1]:3000/",
      on_failure: "refuse",
    });
    expect((await cli("app", "hook", "delete", "shop")).out).toBe("The app shop has no registration hook now.\n");
    expect((await cli("app", "show", "shop", "--json")).json()).toEqual({ ...app, registration_hook: null });
    const unknown = await cli("app", "hook", "set", "nope", "--url", url);
    expect(unknown).toMatchObject({ code: 1, err: "There is no app with this id: see `latchkey app list`.\n" });
  });

  it("a hook for delivery reports is set, shown, replaced and deleted, and its secret is printed once", async () => {
    await cli("app", "create", "shop");
    const url = "http://127.0.0.1:3000/reports?token=hunter2";
    const set = await cli("app", "report-hook", "set", "shop", "--url", url, "--json");
    const { secret, ...app } = set.json();
    expect(secret).toMatch(/^whsec_/);
    expect(app.delivery_report_hook).toEqual({ url, format: "latchkey" });
    expect(set.err).toMatch(/set a hook for delivery reports .*by=operator/);
    expect(set.err).not.toMatch(/hunter2|whsec_/);
    const again = await cli("app", "report-hook", "set", "shop", "--url", "http://[::1]:3000/", "--format", "beem");
    expect(again.out).toMatch(
      /^Set the hook for delivery reports of the app shop\.\nThe secret .* is shown only now: whsec_\S+\n$/,
    );
    const refused = await cli("app", "report-hook", "set", "shop", "--url", "https://10.0.0.1/");
    expect(refused.code).toBe(1);
    expect((await cli("app", "show", "shop", "--json")).json().delivery_report_hook).toEqual({
      url: "http://[::1]:3000/",
      format: "beem",
    });
    const removed = await cli("app", "report-hook", "delete", "shop");
    expect(removed.out).toBe("The app shop has no hook for delivery reports now.\n");
    expect((await cli("app", "show", "shop", "--json")).json()).toEqual({ ...app, delivery_report_hook: null });
  });

  it("doctor says for each registration hook whether its address may be called, and calls none", async () => {
    const hook = await startHookServer();
    try {
      await cli("app", "create", "shop");
      expect((await cli("doctor")).out).not.toContain("registration hook");
      await cli("app", "hook", "set", "shop", "--url", `${hook.url}?token=hunter2`);
      await cli("app", "hook", "set", "default", "--url", "https://8.8.8.8/secret-path");
      await cli("app", "report-hook", "set", "shop", "--url", hook.url);
      const url = (app: string) => `the URL of the registration hook of the app ${app}`;
      const well = await latchkey({ ...env, LATCHKEY_OUTBOUND_ALLOWED: "127.0.0.1" }, ["doctor"]);
      expect(well.out).toContain(`ok      ${url("default")} may be called: https://8.8.8.8\n`);
      expect(well.out).toContain(`ok      ${url("shop")} may be called: ${new URL(hook.url).origin}\n`);
      expect(well.out).toContain(
        "ok      the URL of the hook for delivery reports of the app shop may be called: http://127.0.0.1",
      );
      const strict = await latchkey({ ...env, LATCHKEY_OUTBOUND_ALLOWED: "127.0.0.2" }, ["doctor"]);
      expect(strict.code).toBe(1);
      expect(strict.out).toContain(`problem ${url("shop")} must not lead to a loopback, private or reserved address`);
      for (const { out } of [well, strict]) expect(out).not.toMatch(/hunter2|secret-path/);
      expect(hook.questions).toEqual([]);
    } finally {
      hook.stop();
    }
  });

  it("a wrong master key sets no registration hook", async () => {
    await startTestApp({ ...env, ...commandSecrets }).then((server) => server.app.stop());
    const wrong = { ...env, LATCHKEY_MASTER_KEY: randomBytes(32).toString("base64") };
    const { code, err } = await latchkey(wrong, ["app", "hook", "set", "default", "--url", "http://127.0.0.1:3000/"]);
    expect([code, err]).toEqual([1, expect.stringContaining("LATCHKEY_MASTER_KEY")]);
    expect((await cli("app", "show", "default", "--json")).json().registration_hook).toBe(null);
  });

  it("the roles of an app are set, replaced and refused by entry", async () => {
    const made = await cli("app", "create", "shop", "--roles", "admin, editor", "--json");
    expect(made.json().roles).toEqual(["admin", "editor"]);
    const refused = await cli("app", "update", "shop", "--roles", "admin,no spaces");
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain("--roles, entry 2, must be 1 to 32 letters, digits and the characters . _ : -.");
    expect((await cli("app", "show", "shop", "--json")).json().roles).toEqual(["admin", "editor"]);
    expect((await cli("app", "update", "shop", "--roles", "", "--json")).json().roles).toEqual([]);
  });

  it("a confidential client's id and secret are printed once, as JSON with exactly these names", async () => {
    await cli("app", "create", "shop");
    const argv = ["client", "create", "--app", "shop", "--kind", "confidential", "--scopes", "otp:send,otp:verify", "--json"];
    const { code, out, err, json } = await cli(...argv);
    expect(code).toBe(0);
    const { client_id: id, client_secret: secret, ...more } = json();
    expect([id, secret, more]).toEqual([expect.stringMatching(/^\w[\w-]{21}$/), expect.stringMatching(/^lk_[\w-]{43}$/), {}]);
    expect(out.trimEnd().split("\n")).toHaveLength(1);
    expect(err).toMatch(/created a client .*by=operator .*client=/);
    expect(err).not.toContain(secret);
    const shown = await cli("client", "show", id, "--json");
    expect(shown.json()).toMatchObject({ client_id: id, app_id: "shop", scopes: ["otp:send", "otp:verify"] });
    expect(shown.json().secrets).toMatchObject([{ expires_at: null, last_used_at: null }]);
    expect(shown.out).not.toContain(secret);
    expect((await cli("client", "show", id)).out).toMatch(/^client_id +\S+\n/);
  });

  it("the default client of production is made by one command", async () => {
    const made = await cli("client", "create", "--app", "default", "--kind", "public", "--id", "default-web", "--default");
    expect(made).toMatchObject({ code: 0, out: "Created the public client default-web of the app default.\n" });
    expect((await cli("client", "show", "default-web", "--json")).json()).toMatchObject({
      client_id: "default-web",
      kind: "public",
      is_default: true,
      secrets: [],
    });
  });

  it("a client is changed, its lists emptied, its switches turned off, and then deleted", async () => {
    const keys = { keys: [generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" })] };
    const jwks = join(folder, "jwks.json");
    writeFileSync(jwks, JSON.stringify(keys));
    await cli(
      "client",
      "create",
      "--app",
      "default",
      "--kind",
      "public",
      "--id",
      "web",
      "--hosts",
      "a.example.com",
      "--default",
    );
    await cli("client", "create", "--app", "default", "--kind", "confidential", "--id", "api", "--jwks", jwks);
    const web = ["--hosts", "", "--no-default", "--verify-by-identifier", "--state", "disabled"];
    expect((await cli("client", "update", "web", ...web, "--json")).json()).toMatchObject({
      hosts: [],
      is_default: false,
      verify_by_identifier: true,
      state: "disabled",
    });
    const api = (await cli("client", "update", "api", "--scopes", "apps:admin,operator", "--name", "API", "--json")).json();
    expect(api).toMatchObject({ scopes: ["apps:admin", "operator"], display_name: "API", jwks: keys });
    expect((await cli("client", "update", "api", "--jwks", "", "--json")).json().jwks).toBeNull();
    const listed = (await cli("client", "list", "--json")).json();
    expect(listed.map((one: { client_id: string }) => one.client_id)).toEqual(["api", "web"]);
    expect((await yes("client", "delete", "web", "--json")).json()).toEqual({ client_id: "web", sessions_ended: 0 });
    expect((await cli("client", "list", "--app", "default")).out).toMatch(
      /^api +default +confidential +active +apps:admin,operator\n$/,
    );
  });

  it("a secret is rotated: the old one stays, ends later, or ends at once after a yes", async () => {
    await cli("client", "create", "--app", "default", "--kind", "confidential", "--id", "api");
    const rotated = await cli("client", "rotate-secret", "api", "--json", "--secret-expires-in", "90d");
    expect(Object.keys(rotated.json())).toEqual(["client_id", "client_secret"]);
    const third = await cli("client", "rotate-secret", "api");
    expect(third).toMatchObject({ code: 1, out: "" });
    expect(third.err).toContain("--old-secrets-expire-in 0s");
    const refused = await cli("client", "rotate-secret", "api", "--old-secrets-expire-in", "0s");
    expect(refused).toMatchObject({ code: 1, out: "" });
    const live = async () => {
      const { secrets: all } = (await cli("client", "show", "api", "--json")).json();
      return all.filter(({ expires_at: end }: { expires_at: string | null }) => end === null || Date.parse(end) > Date.now());
    };
    expect(await live()).toHaveLength(2);
    expect((await yes("client", "rotate-secret", "api", "--old-secrets-expire-in", "0s")).out).toMatch(/: lk_[\w-]{43}\n$/);
    expect(await live()).toHaveLength(1);
  });

  it("one secret is revoked by its id after a yes, and the other one stays", async () => {
    await cli("client", "create", "--app", "default", "--kind", "confidential", "--id", "api");
    await cli("client", "rotate-secret", "api");
    const ids = async () =>
      (await cli("client", "show", "api", "--json")).json().secrets.map((one: { secret_id: string }) => one.secret_id);
    const [first, second] = await ids();
    const revoked = await yes("client", "revoke-secret", "api", first, "--json");
    expect(revoked.json()).toEqual({ client_id: "api", secret_id: first });
    expect(revoked.err).toContain(`The secret ${first} of the client api ends at once`);
    expect(await ids()).toEqual([second]);
    const again = await cli("client", "revoke-secret", "api", first, "--yes");
    expect(again).toMatchObject({
      code: 1,
      out: "",
      err: "The client has no secret with this id: see `latchkey client show api`.\n",
    });
    expect(await ids()).toEqual([second]);
    const line = `Revoked the secret ${second} of the client api.\n`;
    expect(await cli("client", "revoke-secret", "api", second, "--yes")).toMatchObject({ code: 0, out: line });
    expect(await ids()).toEqual([]);
  });

  it("values of a policy are set, unset and printed with their sources", async () => {
    env = { ...env, LATCHKEY_REFRESH_IDLE: "3d" };
    const set = ["--set", "code_length=8", "--set", "code_ttl=120s", "--set", "channels=email", "--set", "code_sign_in=off"];
    const policy = (await cli("app", "policy", "default", ...set, "--json")).json();
    expect(Object.keys(policy)).toEqual(policyKeys.map((one) => policyFields[one].name));
    expect(policy).toMatchObject({
      code_length: { value: 8, source: "app" },
      code_ttl: { value: "2m", source: "app" },
      channels: { value: ["email"], source: "app" },
      code_sign_in: { value: false, source: "app" },
      refresh_idle: { value: "3d", source: "setting", setting: "LATCHKEY_REFRESH_IDLE" },
      attempts_max: { value: 5, source: "default" },
      registration_sources: { value: null, source: "default" },
    });
    const printed = await cli("app", "policy", "default", "--unset", "code_ttl", "--unset", "channels");
    expect(printed.out).toMatch(/^code_length +8 +app\ncode_ttl +5m +default\n/);
    expect(printed.out).toMatch(/^refresh_idle +3d +setting LATCHKEY_REFRESH_IDLE$/m);
    expect((await cli("app", "show", "default", "--json")).json().policy).toEqual({ code_length: 8, code_sign_in: false });
  });

  it.each(Object.entries(policyOfEachKind))(
    "a value of the kind %s is stored as written, and a refused one keeps it",
    async (_kind, { name, good, stored, bad, message }) => {
      expect((await cli("app", "policy", "default", "--set", `${name}=${good}`, "--json")).json()).toMatchObject({
        [name]: { value: stored, source: "app" },
      });
      const shown = async () => (await cli("app", "show", "default", "--json")).json().policy;
      expect(await shown()).toEqual({ [name]: stored });
      const refused = await cli("app", "policy", "default", "--set", `${name}=${bad}`);
      expect(refused).toMatchObject({ code: 1, out: "", err: `${message}\n` });
      expect(await shown()).toEqual({ [name]: stored });
      expect((await cli("app", "policy", "default", "--unset", name)).code).toBe(0);
      expect(await shown()).toEqual({});
    },
  );

  it("what can't be undone needs a yes, and nothing happens without one", async () => {
    await cli("app", "create", "shop");
    await cli("client", "create", "--app", "shop", "--kind", "confidential", "--id", "api");
    const shown = await cli("client", "show", "api", "--json");
    const before = shown.out;
    for (const argv of [
      ["app", "delete", "shop"],
      ["client", "delete", "api"],
      ["client", "rotate-secret", "api", "--old-secrets-expire-in", "0s"],
      ["client", "revoke-secret", "api", shown.json().secrets[0].secret_id],
    ]) {
      const { code, out, err } = await cli(...argv);
      expect([code, out]).toEqual([1, ""]);
      expect(err).toMatch(/add --yes\.\n$/);
    }
    expect((await cli("client", "show", "api", "--json")).out).toBe(before);
    expect((await cli("client", "delete", "api", "--yes")).code).toBe(0);
  });

  it("a private key in a JWK set is refused without repeating it", async () => {
    const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
    const path = join(folder, "private.json");
    writeFileSync(path, JSON.stringify({ keys: [jwk] }));
    const { code, err } = await cli("client", "create", "--app", "default", "--kind", "confidential", "--jwks", path);
    expect(code).toBe(1);
    expect(err).toMatch(/^--jwks keys\[0\] holds a private key/);
    expect(err).not.toContain(jwk.d);
  });
});

describe("a refused command", () => {
  let folder: string;
  let env: Record<string, string>;
  let before: readonly string[];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}` };
    await latchkey(env, ["migrate"]);
    before = await contents();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const contents = async () => [
    (await latchkey(env, ["app", "list", "--json"])).out,
    (await latchkey(env, ["client", "list", "--json"])).out,
  ];

  it.each([
    ["app policy default --set code_length=20", "code_length must be a whole number from 6 to 10."],
    ["app policy default --set code_len=7", '"code_len" is not a value of a policy: did you mean code_length?'],
    ["app policy default --set code_length", '--set needs a name and a value such as code_length=8, not "code_length".'],
    ["app policy default --set code_ttl=soon", 'code_ttl must be a duration such as 30s, 10m, 24h or 90d, not "soon".'],
    ["app policy default --set registration=maybe", 'registration must be on or off, not "maybe".'],
    ["app policy default --set default_channel=fax", "default_channel must be one of email, sms, whatsapp, voice, ussd."],
    ["app policy default --set code_length=8 --unset code_length", "code_length is both set and unset: give one of them."],
    ["app policy shop", "There is no app with this id: see `latchkey app list`."],
    ["app show shop", "There is no app with this id: see `latchkey app list`."],
    ["app update default", "There is nothing to change: give at least one option."],
    ["app create default", "The id default is taken: choose another one."],
    ["app create Shop", "The app id must be a lower-case letter, then 1 to 31 lower-case letters, digits and hyphens."],
    ["app archive default", "The app default always exists and is active: it can't be deleted or archived."],
    ["app delete default --yes", "The app default always exists and is active: it can't be deleted or archived."],
    ["client show web", "There is no client with this id: see `latchkey client list`."],
    ["client revoke-secret web none --yes", "There is no client with this id: see `latchkey client list`."],
    [
      "client create --app default --kind public --id 0190a000-0000-7000-8000-000000000001",
      "The client id must not be a UUID, because user ids are UUIDs: make it an alias of the client.",
    ],
    [
      "client create --app default --kind public --origins https://a.example.com,https://b.example.com/x",
      '--origins, entry 2, must be a bare origin in lower case without a path: write "https://b.example.com".',
    ],
    [
      "client create --app default --kind public --scopes otp:send",
      "--scopes is only possible for confidential clients: remove it.",
    ],
    [
      "client create --app default --kind confidential --secret-expires-in 1s",
      "--secret-expires-in must be 1m to 5 years (1825d).",
    ],
    ["client create --app default", "error: required option '--kind <kind>' not specified"],
    [
      "client create --app default --kind public --jwks /nowhere",
      "--jwks names a file that cannot be read: correct the path or the permissions.",
    ],
  ])("%s is refused with a sentence that says what to do, and changes nothing", async (line, message) => {
    expect(await latchkey(env, line.split(" "))).toMatchObject({ code: 1, out: "", err: `${message}\n` });
    expect(await contents()).toEqual(before);
  });
});

describe.each(testEngines())("beside a running server on $engine", ({ database }) => {
  let on: TestApp;
  let env: Record<string, string>;
  beforeEach(async () => {
    const given = await database();
    on = await startTestApp({ ...given, ...commandSecrets });
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(on.folder, "latchkey.db")}`, ...given };
  });
  afterEach(() => on.stop());

  it("a change of the command line acts at the server within a second", async () => {
    expect((await latchkey(env, ["client", "create", "--app", "default", "--kind", "public", "--id", "web"])).code).toBe(0);
    const identifier = { case: "email" as const, value: "ada@example.com" };
    const { challenge } = await on.authAs("web").sendOtp({ identifier });
    expect(challenge?.codeLength).toBe(6);
    expect((await latchkey(env, ["app", "policy", "default", "--set", "code_length=9"])).code).toBe(0);
    const changedAt = performance.now();
    let sends = 0;
    await eventually("the longer code", async () => {
      sends += 1;
      const to = { case: "email" as const, value: `a${sends}@example.com` };
      return (await on.authAs("web").sendOtp({ identifier: to })).challenge?.codeLength === 9 ? true : undefined;
    });
    expect(performance.now() - changedAt).toBeLessThan(1_000);
  });

  it("the server asks the registration hook that the command line has set, and signs with the secret that it printed", async () => {
    const hook = await startHookServer();
    try {
      const set = await latchkey(env, ["app", "hook", "set", "default", "--url", hook.url, "--json"]);
      let signUps = 0;
      const question = await eventually("a question", async () => {
        signUps += 1;
        await signIn(on, `a${signUps}@example.com`);
        return hook.questions[0];
      });
      const said = verifyQuestion(set.json().secret, question, on.clock());
      expect(said).toMatchObject({ data: { app_id: "default", contacts: [{ value: `a${signUps}@example.com` }] } });
    } finally {
      hook.stop();
    }
  });
});

it.each([
  ["app", "list"],
  ["app", "create", "shop"],
  ["client", "list"],
  ["client", "create", "--app", "default", "--kind", "public"],
])("%s %s on a missing database is refused, and makes none", async (...argv) => {
  const path = join(tmpdir(), `latchkey-missing-${randomBytes(8).toString("hex")}.db`);
  const { code, out, err } = await latchkey({ LATCHKEY_DATABASE_URL: `sqlite:${path}` }, argv);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toBe(`There is no database at ${path}: start the service or run \`latchkey migrate\` to create it.\n`);
  expect(existsSync(path)).toBe(false);
});
