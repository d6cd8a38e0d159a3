import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/cli/main.js";
import { newClientSecret } from "../../src/crypto/client-secret.js";
import { UserService } from "../../src/gen/latchkey/v1/user_service_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { connectClient } from "../support/clients.js";
import { commandSecrets, latchkey } from "../support/command-line.js";
import { testEngines } from "../support/engines.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const backend = { clientId: "default-backend", clientSecret: newClientSecret().secret };
const basicOf = ({ clientId, clientSecret }: typeof admin) =>
  `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`;

const uuid = (last: string) => `0190a000-0000-7000-8000-${last.padStart(12, "0")}`;
const organization = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
const verifiedAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
const json = (value: unknown) => JSON.stringify(value);
const lines = (rows: readonly unknown[]) => rows.map((row) => `${json(row)}\n`).join("");

type Fields = Readonly<Record<string, unknown>>;

describe.each(testEngines())("users of other services on $engine", ({ database }) => {
  let folder: string;
  let env: Record<string, string>;
  let on: TestApp;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}`, ...(await database()) };
    await latchkey(env, ["migrate"]);
    await latchkey(env, ["app", "update", "default", "--roles", "Admin,Public"]);
    on = await startTestApp({ ...env, ...commandSecrets }, { developmentClients: [admin, backend] });
  });
  afterAll(async () => {
    await on.stop();
    rmSync(folder, { recursive: true });
  });

  function file(name: string, content: string): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  }
  const load = (from: string, path: string, ...options: string[]) =>
    latchkey(env, ["user", "import", "--from", from, path, "--json", ...options]);

  /** What an export holds. */
  async function exported(): Promise<string> {
    const path = join(folder, "export.jsonl");
    expect((await latchkey(env, ["user", "export", "--file", path, "--force"])).code).toBe(0);
    return readFileSync(path, "utf8");
  }
  async function userWith(contact: string): Promise<Fields | undefined> {
    const users = (await exported()).split("\n").filter((text) => text.includes(json(contact)));
    expect(users.length).toBeLessThan(2);
    return users[0] === undefined ? undefined : (JSON.parse(users[0]) as Fields);
  }

  /** Imports rows that are all new, and imports them again, which changes nothing. */
  async function loadTwice(from: string, path: string, count: number, ...options: string[]): Promise<void> {
    const dry = await load(from, path, "--dry-run", ...options);
    expect(dry.json()).toMatchObject({ dry_run: true, created: count, failed: 0, failures: [] });
    const first = await load(from, path, ...options);
    expect([first.code, first.json()]).toMatchObject([0, { lines: count, created: count, failed: 0 }]);
    const before = await exported();
    const again = await load(from, path, ...options);
    expect([again.code, again.json()]).toMatchObject([0, { lines: count, created: 0, there_already: count, failed: 0 }]);
    expect(await exported()).toBe(before);
  }
  const contact = (kind: string, value: string, verified_at: unknown = null) => ({ kind, value, verified_at });

  async function call(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}${path}`, {
      method,
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: json(body) }),
    });
    const text = await response.text();
    // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes
    return { status: response.status, headers: response.headers, body: (text === "" ? null : JSON.parse(text)) as any };
  }
  const codeTo = async (to: string) => (await on.messages(to))[0]!.code;

  it("BioT's entities keep id, contacts, kind, organization, locks and all other attributes, and sign in", async () => {
    const [ada, bob, eve] = [uuid("b1"), uuid("b2"), uuid("b3")];
    const patients = [
      {
        _id: ada,
        _name: { firstName: "Ada", lastName: "Lovelace" },
        _phone: "+12025550101",
        _email: "ada@biot.example.com",
        _locale: "en-us",
        _gender: "FEMALE",
        _dateOfBirth: "1985-12-10",
        _ownerOrganization: { id: organization, name: "Clinic", templateId: uuid("0") },
        _credentialType: "OTP",
        _enabled: "ENABLED",
        _invitationAccepted: true,
        _mfa: { enabled: false },
        _creationTime: "2025-01-01T00:00:00.000Z",
        _lastModifiedTime: "2025-01-01T00:00:00.000Z",
        _referencers: {},
        _description: null,
        height_cm: 170,
      },
      {
        _id: bob,
        _username: "+12025550102",
        _credentialType: "OTP",
        _enabled: "DISABLED",
        _ownerOrganization: { id: organization },
      },
      {
        _id: eve,
        _email: "eve@biot.example.com",
        _credentialType: "PASSWORD",
        _invitationAccepted: false,
        _userType: "organization-user",
      },
    ];
    await loadTwice("biot", file("patients.json", json(patients)), 3, "--kind", "patient");
    const user = await userWith("+12025550101");
    expect(user).toMatchObject({
      user_id: ada,
      display_name: "Ada Lovelace",
      locale: expect.stringMatching(/^en-us$/i),
      contacts: expect.arrayContaining([contact("phone", "+12025550101"), contact("email", "ada@biot.example.com")]),
      kind: "patient",
      owner_organization: organization,
      credential_type: "otp",
      state: "active",
    });
    expect(user!.app_attributes).toEqual({
      _name: { firstName: "Ada", lastName: "Lovelace" },
      _gender: "FEMALE",
      _dateOfBirth: "1985-12-10",
      height_cm: 170,
    });
    expect(await userWith("+12025550102")).toMatchObject({ user_id: bob, state: "locked", kind: "patient" });
    expect(await userWith("eve@biot.example.com")).toMatchObject({
      user_id: eve,
      kind: "organization_user",
      state: "invited",
      credential_type: "none",
    });

    const { body } = await call("POST", "/ums/v2/users/otp/generate", { phone: "+12025550101" });
    const login = { requestId: body.requestId, code: await codeTo("+12025550101") };
    expect(await call("POST", "/ums/v2/users/otp/login", login)).toMatchObject({
      status: 200,
      body: { userId: ada, ownerOrganizationId: organization },
    });
    const { body: machine } = await call("POST", "/ums/v2/services/accessToken", {
      id: backend.clientId,
      secretKey: backend.clientSecret,
    });
    const authorization = `Bearer ${machine.accessToken}`;
    expect(await call("GET", `/organization/v1/users/patients/${ada}`, undefined, { authorization })).toMatchObject({
      status: 200,
      body: {
        _id: ada,
        _name: { firstName: "Ada", lastName: "Lovelace" },
        _phone: "+12025550101",
        _gender: "FEMALE",
        height_cm: 170,
      },
    });
  });

  it("BioT's accounts have the username as contact, and groups as roles", async () => {
    const accounts = [
      {
        id: uuid("b4"),
        username: "+12025550104",
        ownerOrganizationId: organization,
        groups: [
          { id: uuid("1"), name: "Admin" },
          { id: uuid("2"), name: "All of them" },
        ],
        locked: true,
        active: true,
        mfa: { enabled: false, phone: "+12025550109" },
        loginTimestamp: "2025-02-01T10:00:00Z",
        credentialType: "OTP",
        userIdPs: ["UMS"],
      },
    ];
    await loadTwice("biot", file("accounts.jsonl", lines(accounts)), 1);
    expect(await userWith("+12025550104")).toMatchObject({
      user_id: uuid("b4"),
      contacts: [contact("phone", "+12025550104")],
      roles: ["Admin"],
      app_attributes: { roles: ["All of them"] },
      owner_organization: organization,
      credential_type: "otp",
      state: "locked",
    });
  });

  it("Bridgekeeper's users keep their integer ids, and sign in", async () => {
    const users = [
      {
        id: 90_017,
        name: null,
        "first-name": "John",
        "last-name": "Doe",
        email: "john@news.example.com",
        "communication-email": "letters@news.example.com",
        "phone-number": 9888880017,
        "login-phone-number": "+919888880017",
        "verification-status": "phone",
        metadata: { plan: "gold" },
        slug: "john-doe",
        username: "John.Doe",
        "is-tfa-enabled": false,
        "created-at": 1_600_000_000_000,
      },
      {
        user: {
          id: 90_018,
          name: "Eve",
          email: "eve@news.example.com",
          "verification-status": "email",
          username: "eve@news.example.com",
        },
      },
    ];
    await loadTwice("bridgekeeper", file("news.jsonl", lines(users)), 2);
    expect(await userWith("+919888880017")).toMatchObject({
      number: 90_017,
      display_name: "John Doe",
      username: "john.doe",
      contacts: [contact("phone", "+919888880017", verifiedAt), contact("email", "john@news.example.com")],
      custom_attributes: { plan: "gold" },
      app_attributes: { slug: "john-doe", "communication-email": "letters@news.example.com" },
    });
    expect(await userWith("eve@news.example.com")).toMatchObject({
      number: 90_018,
      display_name: "Eve",
      contacts: [contact("email", "eve@news.example.com", verifiedAt)],
    });
    const phone = { "phone-number": "+919888880017" };
    await call("POST", "/api/auth/v1/users/send-otp", phone);
    const otp = await codeTo("+919888880017");
    expect(await call("POST", "/api/auth/v1/login", { ...phone, otp })).toMatchObject({
      status: 200,
      body: { user: { id: 90_017, name: "John Doe", metadata: { plan: "gold" }, "verification-status": "phone" } },
    });
  });

  it("Transmit's users keep UUIDs, and other ids as external ids, and sign in", async () => {
    const users = [
      {
        user_id: uuid("c1"),
        external_user_id: "crm-1",
        email: { value: "ada@shop.example.com", email_verified: true, verified_at: "2024-03-01T10:00:00.000Z" },
        secondary_emails: [{ value: "ada2@shop.example.com", email_verified: false }],
        phone_number: { value: "+12025550111", phone_number_verified: true },
        secondary_phone_numbers: [],
        name: { first_name: "Ada", last_name: "Lovelace" },
        language: "en-US,en;q=0.9",
        status: "Active",
        created_at: 1_700_000_000_000,
        updated_at: 1_700_000_000_000,
        custom_data: { plan: "gold" },
        custom_app_data: {},
        birthday: "1985-12-10",
      },
      {
        result: {
          user_id: "ytq0fhm1x2z3",
          external_user_id: "crm-2",
          phone_number: { value: "+12025550112", phone_number_verified: false },
          status: "Active",
          created_at: 1,
          updated_at: 1,
        },
      },
      { user_id: "disabled1", email: { value: "off@shop.example.com" }, status: "Disabled", created_at: 1, updated_at: 1 },
      { user_id: "pending1", email: { value: "new@shop.example.com" }, status: "Pending", created_at: 1, updated_at: 1 },
    ];
    await loadTwice("transmit", file("shop.json", JSON.stringify(users, null, 2)), 4);
    expect(await userWith("ada@shop.example.com")).toMatchObject({
      user_id: uuid("c1"),
      external_id: "crm-1",
      display_name: "Ada Lovelace",
      locale: "en-US",
      contacts: expect.arrayContaining([
        contact("email", "ada@shop.example.com", "2024-03-01T10:00:00.000Z"),
        contact("phone", "+12025550111", verifiedAt),
        contact("email", "ada2@shop.example.com"),
      ]),
      app_attributes: { custom_data: { plan: "gold" }, birthday: "1985-12-10" },
    });
    expect(await userWith("+12025550112")).toMatchObject({
      external_id: "ytq0fhm1x2z3",
      app_attributes: { external_user_id: "crm-2" },
      contacts: [contact("phone", "+12025550112")],
    });
    expect(await userWith("off@shop.example.com")).toMatchObject({ state: "locked", external_id: "disabled1" });
    expect(await userWith("new@shop.example.com")).toMatchObject({ state: "invited", external_id: "pending1" });

    const form = { grant_type: "client_credentials", client_id: backend.clientId, client_secret: backend.clientSecret };
    const asked = await fetch(`http://127.0.0.1:${on.app.httpPort}/oidc/token`, {
      method: "POST",
      body: new URLSearchParams(form),
    });
    const authorization = `Bearer ${((await asked.json()) as { access_token: string }).access_token}`;
    for (const [named, phone, user] of [
      [{ identifier_type: "phone_number", identifier: "+12025550111" }, "+12025550111", { user_id: uuid("c1") }],
      [{ identifier_type: "user_id", identifier: "ytq0fhm1x2z3" }, "+12025550112", { external_user_id: "ytq0fhm1x2z3" }],
    ] as const) {
      const sent = await call("POST", "/cis/v1/auth/otp/send", { channel: "sms", ...named }, { authorization });
      expect(sent).toMatchObject({ status: 200, body: { message: "OTP sent" } });
      const passcode = await codeTo(phone);
      const signedIn = await call("POST", "/cis/v1/auth/otp/authenticate", { passcode, ...named }, { authorization });
      expect(signedIn.status).toBe(200);
      const { sub } = JSON.parse(Buffer.from(signedIn.body.access_token.split(".")[1], "base64url").toString());
      const found = await call("GET", `/cis/v1/users/${sub}`, undefined, { authorization });
      expect(found).toMatchObject({ status: 200, body: { result: user } });
    }
    const old = "ytq0fhm1x2z3";
    expect(await call("GET", `/cis/v1/users/${old}`, undefined, { authorization })).toMatchObject({
      status: 200,
      body: { result: { external_user_id: old, phone_number: { value: "+12025550112" } } },
    });
    expect((await call("GET", `/cis/v1/sessions/${old}`, undefined, { authorization })).body).toHaveLength(1);
    expect(await call("DELETE", `/cis/v1/sessions/${old}`, undefined, { authorization })).toMatchObject({
      status: 200,
      body: { result: { deleted_count: 1 } },
    });
    expect((await call("GET", "/cis/v1/users/nobody1", undefined, { authorization })).status).toBe(404);
    expect((await call("GET", "/cis/v1/sessions/nobody1", undefined, { authorization })).status).toBe(404);
  });

  it("SolidX's rows keep integer ids, times of verification, roles and usernames that fit", async () => {
    const table = [
      "id,full_name,username,email,mobile,password,active,email_verified_on_registration_at,email_verified_on_login_at,mobile_verified_on_login_at,roles,custom_payload,deleted_at",
      '70001,Ada Lovelace,Ada@Solid.example.com,ada@solid.example.com,+12025550121,$2b$10$x,t,2024-01-01 10:00:00.123,2024-05-01 10:00:00+00,,"[{""name"":""Public""},{""name"":""Internal User""}]","{""ref"":""x""}",NULL',
      "70002,Bob,Bob_B,bob@solid.example.com,,,f,\\N,,,Public,,",
      "70003,,42 Street,,+12025550123,,1,,,2024-05-01 10:00:00,,,",
      "",
    ].join("\n");
    await loadTwice("solidx", file("ss_user.csv", table), 3);
    expect(await userWith("ada@solid.example.com")).toMatchObject({
      number: 70_001,
      display_name: "Ada Lovelace",
      contacts: expect.arrayContaining([
        contact("email", "ada@solid.example.com", "2024-05-01T10:00:00.000Z"),
        contact("phone", "+12025550121"),
      ]),
      roles: ["Public"],
      custom_attributes: { ref: "x" },
      app_attributes: { roles: ["Internal User"] },
      state: "active",
    });
    expect(await userWith("bob@solid.example.com")).toMatchObject({ number: 70_002, username: "bob_b", state: "locked" });
    expect(await userWith("+12025550123")).toMatchObject({
      number: 70_003,
      contacts: [contact("phone", "+12025550123", "2024-05-01T10:00:00.000Z")],
      app_attributes: { username: "42 Street" },
      state: "active",
    });
    expect(await exported()).not.toContain("$2b$");
  });

  it("Supabase's rows keep UUIDs, phone numbers without a plus, confirmations, bans and both bags of data", async () => {
    const table = [
      "instance_id,id,aud,role,email,encrypted_password,email_confirmed_at,phone,phone_confirmed_at,raw_app_meta_data,raw_user_meta_data,banned_until,created_at,deleted_at,is_anonymous",
      `${uuid("0")},${uuid("d1")},authenticated,authenticated,ada@base.example.com,$2a$10$x,2024-02-01 10:00:00.5+00,12025550131,,"{""provider"": ""email""}","{""full_name"": ""Ada Lovelace"", ""locale"": ""sv""}",,2024-01-01 10:00:00+00,,false`,
      `${uuid("0")},${uuid("d2")},authenticated,authenticated,,,,12025550132,2024-02-01 10:00:00+00,{},{},2099-01-01 00:00:00+00,2024-01-01 10:00:00+00,,false`,
      `${uuid("0")},${uuid("d3")},authenticated,authenticated,eve@base.example.com,,,,,,,2020-01-01 00:00:00+00,,,false`,
      "",
    ].join("\n");
    await loadTwice("supabase", file("users.csv", table), 3);
    expect(await userWith("ada@base.example.com")).toMatchObject({
      user_id: uuid("d1"),
      display_name: "Ada Lovelace",
      locale: "sv",
      contacts: expect.arrayContaining([
        contact("email", "ada@base.example.com", "2024-02-01T10:00:00.500Z"),
        contact("phone", "+12025550131"),
      ]),
      custom_attributes: { full_name: "Ada Lovelace", locale: "sv" },
      app_attributes: { provider: "email" },
      state: "active",
    });
    expect(await userWith("+12025550132")).toMatchObject({
      user_id: uuid("d2"),
      contacts: [contact("phone", "+12025550132", "2024-02-01T10:00:00.000Z")],
      state: "locked",
    });
    expect(await userWith("eve@base.example.com")).toMatchObject({
      user_id: uuid("d3"),
      contacts: [contact("email", "eve@base.example.com")],
      state: "active",
    });
    const rows = [
      {
        id: uuid("d4"),
        phone: "12025550134",
        phone_confirmed_at: "2024-02-01T10:00:00Z",
        app_metadata: { provider: "phone" },
        user_metadata: { name: "Zed" },
      },
    ];
    await loadTwice("supabase", file("admin.json", json(rows)), 1);
    expect(await userWith("+12025550134")).toMatchObject({ user_id: uuid("d4"), display_name: "Zed" });
    const { challenge } = await on.auth.sendOtp({ identifier: { case: "phone", value: "+12025550134" } });
    const code = await codeTo("+12025550134");
    const { user } = await on.auth.verifyOtp({ challengeId: challenge!.challengeId, code });
    expect(user!.userId).toBe(uuid("d4"));
  });

  it("CSV with a column id keeps UUIDs, integers and other ids", async () => {
    const table = [
      "id,email,email_verified,display_name",
      `${uuid("e1").toUpperCase()},a@csv.example.com,true,A`,
      "60007,b@csv.example.com,false,B",
      "007,c@csv.example.com,,C",
      "auth0|5f7c8e,d@csv.example.com,,D",
      "99999999999999999999,e@csv.example.com,,E",
      ",f@csv.example.com,,F",
      "",
    ].join("\n");
    const path = file("people.csv", table);
    expect((await load("csv", path)).err).toMatch(/^Line 2 says that a contact is verified\. Add --verified-by-source/);
    await loadTwice("csv", path, 6, "--verified-by-source");
    expect(await userWith("a@csv.example.com")).toMatchObject({
      user_id: uuid("e1"),
      contacts: [contact("email", "a@csv.example.com", verifiedAt)],
    });
    expect(await userWith("b@csv.example.com")).toMatchObject({ number: 60_007 });
    for (const [name, externalId] of [
      ["c", "007"],
      ["d", "auth0|5f7c8e"],
      ["e", "99999999999999999999"],
    ]) {
      expect(await userWith(`${name}@csv.example.com`)).toMatchObject({ external_id: externalId });
    }
  });

  it("each row that is refused has one line with its place and the reason, and all others are imported", async () => {
    const rows = [
      { id: uuid("f1"), email: "ok@refused.example.com" },
      { email: "noid@refused.example.com" },
      { id: uuid("f2") },
      { id: uuid("f3"), phone: "123" },
      { id: uuid("f4"), email: "gone@refused.example.com", deleted_at: "2024-01-01T00:00:00Z" },
      { id: uuid("f5"), email: "time@refused.example.com", email_confirmed_at: "yesterday" },
      { id: uuid("f6"), email: "ok@refused.example.com" },
      { id: uuid("f7"), email: "data@refused.example.com", raw_user_meta_data: "none" },
      { users: [{ id: uuid("f8"), email: "page@refused.example.com" }] },
      { id: 2 ** 60, email: "large@refused.example.com" },
      { id: uuid("f9"), email: { value: "x" } },
      { id: uuid("fa"), email: "last@refused.example.com" },
    ];
    const path = file("refused.json", JSON.stringify(rows, null, 1));
    const { code, out, err } = await latchkey(env, ["user", "import", "--from", "supabase", path]);
    expect(code).toBe(1);
    expect(out).toMatch(/^Lines read +12\nCreated +2\n/);
    const reported = err.split("\n").filter((text) => /^Item \d+ \(line \d+\) /.test(text));
    expect(reported.map((text) => text.replace(/ \(line \d+\)/, ""))).toEqual([
      "Item 2 has no id.",
      expect.stringMatching(/^Item 3 has a wrong value: email is missing/),
      expect.stringMatching(/^Item 4 has a wrong value: phone must be/),
      "Item 5 is a user that was deleted (deleted_at).",
      "Item 6 has a wrong value: email_confirmed_at must be a time such as 2026-05-01T12:00:00Z.",
      "Item 7 has the e-mail address of item 1: remove one of the two items, or correct the e-mail address.",
      "Item 8 has a wrong value: custom_attributes must be a JSON object.",
      "Item 9 has a list of users: write one user a line, for example with `jq -c '.users[]'`.",
      "Item 10 has a wrong value: number must be a whole number from 1 to 9007199254740991.",
      "Item 11 has a wrong value: email must be a text.",
    ]);
    expect(reported[0]).toMatch(/^Item 2 \(line 6\) /);
    const shown = (await load("supabase", path)).json();
    expect(shown.failures[0]).toEqual({ line: 6, item: 2, kind: "invalid", problem: "has no id" });
    const rest = await load("supabase", path, "--from-line", "12");
    expect(rest.json()).toMatchObject({ lines: 1, there_already: 1, failed: 0 });
  });

  it("a member with the contact and another id is a row that fails, because the id can't be kept", async () => {
    const users = connectClient(UserService, on.app, { authorization: basicOf(admin) });
    const { user } = await users.createUser({ appId: "default", email: "early@example.com" });
    const rows = [
      { id: uuid("a1"), email: "early@example.com" },
      { id: user!.userId, email: "early@example.com" },
    ];
    const path = file("early.jsonl", lines(rows));
    for (const options of [["--dry-run"], []]) {
      expect((await load("supabase", path, ...options)).json()).toMatchObject({
        created: 0,
        there_already: 1,
        failures: [{ line: 1, kind: "taken", problem: expect.stringContaining("is there already with another id") }],
      });
    }
    const numbered = file("early-number.jsonl", lines([{ id: Number(user!.number) + 1_000_000, email: "early@example.com" }]));
    expect((await load("bridgekeeper", numbered)).json()).toMatchObject({ failed_by_kind: { taken: 1 } });
    const own = file("own-number.jsonl", lines([{ id: Number(user!.number), email: "early@example.com" }]));
    expect((await load("bridgekeeper", own)).json()).toMatchObject({ there_already: 1, failed: 0 });
  });

  it("--no-verified-by-source makes all contacts claims", async () => {
    const path = file(
      "claims.jsonl",
      lines([{ id: uuid("a2"), email: "claim@example.com", email_confirmed_at: "2024-01-01" }]),
    );
    expect((await load("supabase", path, "--no-verified-by-source")).json()).toMatchObject({ created: 1 });
    expect(await userWith("claim@example.com")).toMatchObject({ contacts: [contact("email", "claim@example.com")] });
  });

  it("users who register during an import get numbers above all of its numbers, and none of them", async () => {
    const users = connectClient(UserService, on.app, { authorization: basicOf(admin) });
    const { user: before } = await users.createUser({ appId: "default", email: "before@race.example.com" });
    const first = Number(before!.number) + 1;
    const count = 1_700;
    const last = first + count - 1;
    const rows = Array.from({ length: count }, (_, index) => ({
      id: first + index,
      email: `u${index}@race.example.com`,
      "verification-status": "email",
    }));
    const registrations: Promise<number>[] = [];
    async function register(): Promise<number> {
      const email = `r${registrations.length}@race.example.com`;
      const { user } = await users.createUser({ appId: "default", email });
      return Number(user!.number);
    }
    let out = "";
    const io = {
      out: (line: string) => {
        out += line;
      },
      // The first batch has the lowest numbers. Without more, the next ones would be those of the second batch.
      err: (line: string) => {
        if (line.includes("act=user.import")) for (let n = 0; n < 5; n += 1) registrations.push(register());
      },
      confirm: async () => false,
    };
    const argv = ["user", "import", "--from", "bridgekeeper", "--json", file("race.json", json(rows))];
    expect(await run(argv, { LATCHKEY_MODE: "development", ...commandSecrets, ...env }, io)).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ created: count, failed: 0 });
    const registered = await Promise.all(registrations);
    expect(registered.length).toBeGreaterThanOrEqual(20);
    expect(Math.min(...registered)).toBe(last + 1);
    expect(new Set(registered).size).toBe(registered.length);
  }, 120_000);
});

describe("--from", () => {
  it("refuses what can't be read, with what to do", async () => {
    const folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    const env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}` };
    await latchkey(env, ["migrate"]);
    const table = join(folder, "users.csv");
    writeFileSync(table, "name,email\nAda,ada@example.com\n");
    const twins = join(folder, "twins.csv");
    writeFileSync(twins, "id,email,ID\n1,ada@example.com,2\n");
    for (const [argv, message] of [
      [["--from", "biot", table], "Users of BioT are read as JSON, not as CSV."],
      [["--from", "transmit", table], "Users of Transmit Security are read as JSON, not as CSV."],
      [
        ["--from", "solidx", table],
        "The header has no column id, so this is not a table of users of SolidX: its first line must name the columns.",
      ],
      [["--from", "csv", twins], "The header has the column id twice: remove one of them."],
      [["--from", "biot"], "Name the file with the users: latchkey user import people.csv."],
      [["--from", "biot", table, "--file", table], "The file is named twice: leave out --file."],
    ] as const) {
      expect(await latchkey(env, ["user", "import", ...argv])).toMatchObject({ code: 1, out: "", err: `${message}\n` });
    }
    expect((await latchkey(env, ["user", "import", "--from", "auth0", table])).err).toContain(
      "Allowed choices are biot, bridgekeeper",
    );
    rmSync(folder, { recursive: true });
  });
});
