import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FakeClock, fakeClock, startTestApp, type TestApp } from "../support/app.js";
import { commandSecrets, latchkey } from "../support/command-line.js";
import { testEngines } from "../support/engines.js";

const phone = "+46701740605";

describe.each(testEngines())("user commands on $engine", ({ database }) => {
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}`, ...(await database()) };
    await latchkey(env, ["migrate"]);
    await latchkey(env, ["app", "create", "shop", "--roles", "admin,editor"]);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const cli = (...argv: string[]) => latchkey(env, ["user", ...argv]);
  const inShop = (...argv: string[]) => cli(...argv, "--app", "shop");
  const ada = ["--email", "Ada@Example.com", "--phone", phone, "--username", "ada", "--external-id", "c-17"];
  const makeAda = async () => (await inShop("create", ...ada, "--verified", "email,phone", "--json")).json();

  /** All users of the app. */
  async function users(app: string): Promise<string> {
    const file = join(folder, "users.jsonl");
    expect((await cli("export", "--app", app, "--file", file, "--force")).code).toBe(0);
    return readFileSync(file, "utf8");
  }

  it("a user is made with all fields, and the log names the operator and the user's number but no contact", async () => {
    const fields = ["--name", "Ada", "--locale", "sv", "--roles", "admin", "--kind", "patient", "--organization", "o-1"];
    const bags = ["--app-attributes", '{"plan":"gold"}', "--custom-attributes", '{"theme":{"dark":true}}'];
    const { code, err, json } = await inShop("create", ...ada, "--verified", "email", ...fields, ...bags, "--json");
    expect(code).toBe(0);
    const { user_id: userId, number } = json();
    expect(json()).toEqual({
      app_id: "shop",
      user_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      number: expect.any(Number),
      username: "ada",
      display_name: "Ada",
      locale: "sv",
      contacts: [
        { kind: "email", value: "ada@example.com", verified_at: expect.stringMatching(/Z$/) },
        { kind: "phone", value: phone, verified_at: null },
      ],
      custom_attributes: { theme: { dark: true } },
      roles: ["admin"],
      kind: "patient",
      owner_organization: "o-1",
      external_id: "c-17",
      app_attributes: { plan: "gold" },
      credential_type: "otp",
      state: "active",
      created_at: expect.stringMatching(/Z$/),
      joined_at: expect.stringMatching(/Z$/),
      created: true,
    });
    expect(err).toMatch(new RegExp(`created a user act=user.create by=operator app=shop user=${number} address=127.0.0.1 `));
    expect(err).not.toMatch(/ada|4670/i);
    const again = await inShop("create", "--email", "ada@example.com");
    expect(again).toMatchObject({
      code: 1,
      out: "",
      err: `The app shop has this user already: see \`latchkey user find ${userId} --app shop\`.\n`,
    });
    expect((await cli("create", "--email", "ada@example.com", "--json")).json()).toMatchObject({
      user_id: userId,
      created: false,
    });
  });

  it("find takes every name of a user, and says that nothing keeps the user from signing in", async () => {
    const { user_id: userId, number } = await makeAda();
    for (const name of ["ADA@example.com", "+46 70 174 06 05", "Ada", String(number), userId.toUpperCase(), "c-17"]) {
      const { code, out } = await inShop("find", name);
      expect([code, out.includes(`user_id                ${userId}\n`)], name).toEqual([0, true]);
      expect(out, name).toMatch(/\nNothing keeps this user from signing in to shop now\.\n$/);
    }
    const { user, can_sign_in, obstacles } = (await inShop("find", "ada", "--json")).json();
    expect([user.user_id, can_sign_in, obstacles]).toEqual([userId, true, []]);
  });

  it("find exits with 1 for a person of other apps and for nobody, and says which it is and what to do", async () => {
    await makeAda();
    const stranger = await cli("find", "ada@example.com");
    expect(stranger.code).toBe(1);
    expect(stranger.out).toMatch(/^What keeps this user from signing in to default now:\n- |^The person/);
    expect(stranger.out).toContain("The person uses other apps of the pool, but is no user of this one.");
    expect(stranger.out).toContain("`latchkey user create --app default`");
    const nobody = await inShop("find", "bob@example.com");
    expect(nobody).toMatchObject({
      code: 1,
      out: "The app has no such user. Check the value, or create the user with `latchkey user create --app shop`.\n",
    });
    const { user, can_sign_in, obstacles } = (await cli("find", "ada@example.com", "--json")).json();
    expect([user, can_sign_in, obstacles.map(({ kind }: { kind: string }) => kind)]).toEqual([null, false, ["no_membership"]]);
    expect((await inShop("find", "c-17")).code).toBe(0);
    expect((await cli("find", "c-17")).code).toBe(1);
  });

  it("find lists each obstacle with the command that ends it", async () => {
    await inShop("create", ...ada, "--verified", "email");
    const { number } = (await inShop("lock", "ada", "--json")).json();
    const locked = await inShop("find", "ada");
    expect(locked.code).toBe(0);
    expect(locked.out).toContain("\nWhat keeps this user from signing in to shop now:\n");
    expect(locked.out).toContain(
      `- An administrator has locked the user. \`latchkey user unlock ${number} --app shop\` ends this.\n`,
    );
    expect((await inShop("unlock", "ada")).out).toBe(
      `The user ${number} has no lock of an administrator in the app shop now.\n`,
    );
    const claim = await inShop("find", "ada");
    expect(claim.out).toContain("\nThis user can sign in to shop now, but not by every contact:\n");
    expect(claim.out).toContain(`- ${phone}: Only the app has given this contact`);
    const byPhone = (await inShop("find", phone, "--json")).json();
    expect([byPhone.can_sign_in, byPhone.obstacles.length]).toEqual([false, 1]);
    await inShop("update", "ada", "--add-contact", phone, "--verified");
    expect((await inShop("find", phone, "--json")).json().can_sign_in).toBe(true);
  });

  it("find suggests only channels that the deployment has a provider for", async () => {
    await makeAda();
    await latchkey(env, ["app", "policy", "shop", "--set", "channels=email", "--set", "registration_sources=email"]);
    expect((await inShop("find", phone)).out).toContain(
      " `latchkey app policy shop --set channels=email,sms,whatsapp,voice,ussd` allows it.\n",
    );
    const production = {
      ...env,
      LATCHKEY_MODE: "production",
      LATCHKEY_ISSUER: "https://auth.example.com",
      LATCHKEY_SMTP_URL: "smtp://mail.example.com?from=codes@example.com",
      LATCHKEY_TLS: "terminated",
    };
    const { out } = await latchkey(production, ["user", "find", phone, "--app", "shop"]);
    expect(out).toContain("This deployment has no provider for a channel that reaches it, so no policy can allow it.\n");
    expect(out).not.toContain("--set channels");
  });

  it("find says until when a limit holds", async () => {
    await latchkey(env, ["client", "create", "--app", "shop", "--kind", "confidential", "--id", "shop-api"]);
    const invite = ["invite", "--email", "bob@example.com", "--client", "shop-api"];
    expect((await inShop(...invite)).code).toBe(0);
    const refused = await inShop(...invite);
    expect([refused.code, refused.out]).toEqual([1, ""]);
    expect(refused.err).toMatch(/^Too many messages went to this contact: try again in \d+ s\.$/m);
    const from = ["--client", "shop-api", "--address", "127.0.0.1"];
    expect((await inShop("find", "bob@example.com", ...from)).out).toMatch(
      /- bob@example\.com: No code is sent for a time: .+ is running\. This ends by itself at \S+Z, \d+ seconds from now\. /,
    );
    const { obstacles } = (await inShop("find", "bob@example.com", ...from, "--json")).json();
    expect(Date.parse(obstacles[0].until)).toBeGreaterThan(Date.now());
  });

  it("a text that names two users is refused until --by says which", async () => {
    const { number } = await makeAda();
    await inShop("create", "--email", "bob@example.com", "--external-id", String(number));
    const before = await users("shop");
    const refused = await inShop("lock", String(number));
    expect([refused.code, refused.out]).toEqual([1, ""]);
    expect(refused.err).toMatch(
      / is the number of user \d+ and the external id of user \d+: add --by number or --by external_id\.\n$/,
    );
    expect(await users("shop")).toBe(before);
    expect((await inShop("lock", String(number), "--by", "external_id", "--json")).json().number).toBe(number + 1);
  });

  it("update changes the given fields, and adds and removes contacts", async () => {
    const made = await makeAda();
    const changes = ["--name", "Ada L.", "--external-id", "", "--add-contact", "al@example.com", "--verified", "--primary"];
    const changed = (await inShop("update", "ada", ...changes, "--remove-contact", phone, "--json")).json();
    expect(changed).toMatchObject({ user_id: made.user_id, username: "ada", display_name: "Ada L.", external_id: "" });
    expect(changed.contacts.map(({ value }: { value: string }) => value)).toEqual(["al@example.com", "ada@example.com"]);
    await inShop("create", "--email", "bob@example.com", "--username", "bob");
    const taken = await inShop("update", "bob", "--username", "ada");
    expect(taken).toMatchObject({ code: 1, out: "" });
    expect(taken.err).toContain("The username belongs to another user: `latchkey user find` shows it. Nothing was changed.");
    expect((await inShop("find", "bob")).code).toBe(0);
  });

  it("delete asks first; without a yes nothing happens, and with one the person is gone", async () => {
    const { number } = await makeAda();
    await cli("create", "--email", "ada@example.com");
    const before = (await inShop("find", "ada", "--json")).out;
    const refused = await inShop("delete", "ada");
    expect([refused.code, refused.out]).toEqual([1, ""]);
    expect(refused.err).toMatch(/can't be undone\.\nNothing was deleted: type yes at a terminal, or add --yes\.\n$/);
    expect((await inShop("find", "ada", "--json")).out).toBe(before);
    const left = await latchkey(env, ["user", "delete", "ada", "--app", "shop"], true);
    expect(left.out).toBe(`Deleted the user ${number} from the app shop. The person stays in other apps of the pool.\n`);
    expect((await cli("delete", "ada", "--yes")).out).toBe(`Erased the user ${number}.\n`);
    expect((await cli("find", "ada")).out).toContain("The app has no such user.");
  });

  it("--erase ends the membership in all apps", async () => {
    await makeAda();
    await cli("create", "--email", "ada@example.com");
    expect((await inShop("delete", "ada", "--erase", "--yes", "--json")).json()).toMatchObject({ erased: true });
    expect((await cli("find", "ada@example.com")).out).toContain("The app has no such user.");
  });
});

describe("a refused user command", () => {
  let folder: string;
  let env: Record<string, string>;
  let before: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}` };
    await latchkey(env, ["migrate"]);
    await latchkey(env, ["app", "create", "shop"]);
    await latchkey(env, ["user", "create", "--email", "ada@example.com", "--username", "ada", "--app", "shop"]);
    before = await users();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function users(): Promise<string> {
    const file = join(folder, "users.jsonl");
    const contents: string[] = [];
    for (const app of ["shop", "default"]) {
      await latchkey(env, ["user", "export", "--app", app, "--file", file, "--force"]);
      contents.push(readFileSync(file, "utf8"));
    }
    return contents.join("\n");
  }

  it.each([
    ["find bob --app nowhere", "There is no app with this id: see `latchkey app list`."],
    ["find +4670 --app shop", "The phone number must be a valid number in international form like +46701234567."],
    ["find ada --client web --app shop", "--address is missing: --client is read only with it."],
    ["lock bob --app shop", "The app shop has no such user: `latchkey user find` says more."],
    ["create --username bob", "The e-mail address is missing: give an e-mail address, a phone number, or both."],
    ["create --email bob", "The e-mail address must be an e-mail address like name@example.com."],
    [
      "create --email b@example.com --roles boss",
      "--roles, entry 1, is not a role of the app: add it to the app's roles first.",
    ],
    ["create --email b@example.com --verified fax", "--verified takes email, phone, or both with a comma between them."],
    ["create --email b@example.com --app-attributes [1]", '--app-attributes takes a JSON object such as {"plan": "gold"}.'],
    ["update ada --app shop", "There is nothing to change: give at least one option."],
    ["update ada --app shop --primary", "--verified and --primary belong to --add-contact: name the contact with it."],
    ["update ada --app shop --verified", "--verified and --primary belong to --add-contact: name the contact with it."],
    [
      "update ada --app shop --add-contact hello",
      "--add-contact takes an e-mail address like name@example.com, or a phone number in international form like +46701234567.",
    ],
    [
      "update ada --app shop --name Eve --remove-contact hello",
      "--remove-contact takes an e-mail address like name@example.com, or a phone number in international form like +46701234567.",
    ],
    [
      "update ada --app shop --add-contact 0701",
      "The phone number must be a valid number in international form like +46701234567.",
    ],
    ["invite --email b@example.com --client web", "--client must name the client of the app that redeems the code."],
  ])("%s is refused with a sentence that says what to do, and changes nothing", async (line, message) => {
    const { code, out, err } = await latchkey(env, ["user", ...line.split(" ")]);
    expect([code, out]).toEqual([1, ""]);
    expect(err.split("\n")[0]).toBe(message);
    expect(await users()).toBe(before);
  });
});

describe.each(testEngines())("user commands beside a running server on $engine", ({ database }) => {
  let on: TestApp;
  let clock: FakeClock;
  let env: Record<string, string>;
  beforeEach(async () => {
    const given = { ...(await database()), ...commandSecrets };
    // Commands have the real clock.
    clock = fakeClock(Date.now());
    on = await startTestApp(given, { clock });
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(on.folder, "latchkey.db")}`, ...given };
    await latchkey(env, ["client", "create", "--app", "default", "--kind", "public", "--id", "web"]);
  });
  afterEach(() => on.stop());

  const cli = (...argv: string[]) => latchkey(env, ["user", ...argv]);

  async function send(email: string) {
    clock.advance(60_000);
    const { challenge } = await on.authAs("web").sendOtp({ identifier: { case: "email", value: email } });
    return challenge;
  }

  async function signIn(email: string) {
    const challenge = await send(email);
    const { code } = await on.messageOf(challenge);
    return await on.authAs("web").verifyOtp({ challengeId: challenge!.challengeId, code });
  }

  it("an invitation is delivered, its code activates the user, and the sessions are listed and ended", async () => {
    const invited = (await cli("invite", "--email", "ada@example.com", "--client", "web", "--json")).json();
    expect(invited).toMatchObject({ state: "invited", created: true });
    clock.advance(60_000);
    const { code } = await on.messageOf({ challengeId: invited.challenge_id });
    const first = await on.authAs("web").verifyOtp({ challengeId: invited.challenge_id, code });
    const second = await signIn("ada@example.com");
    expect((await cli("find", "ada@example.com", "--json")).json().user).toMatchObject({ state: "active" });
    const listed = (await cli("sessions", "ada@example.com", "--json")).json();
    expect(listed.map(({ session_id: id }: { session_id: string }) => id).sort()).toEqual(
      [first.sessionId, second.sessionId].sort(),
    );
    const [{ session_id: one }] = listed;
    const ended = await cli("revoke", "ada@example.com", "--session", one);
    expect(ended.out).toMatch(/^Ended 1 session of the user \d+ in the app default\.\n$/);
    const gone = await cli("revoke", "ada@example.com", "--session", one);
    expect(gone).toMatchObject({ code: 1, out: "" });
    expect(gone.err).toContain("The user has no live session with this id: see `latchkey user sessions`.");
    expect((await cli("revoke", "ada@example.com", "--json")).json().sessions_ended).toBe(1);
    expect((await cli("sessions", "ada@example.com")).out).toMatch(/^The user \d+ has no live session in the app default\.\n$/);
  });

  it("a lock ends sessions at once; a lockout shows with its end until unblock resets it", async () => {
    await latchkey(env, ["app", "policy", "default", "--set", "lockout_failures=2", "--set", "lockout_duration=10m"]);
    await cli("create", "--email", "ada@example.com");
    await signIn("ada@example.com");
    expect((await cli("sessions", "ada@example.com", "--json")).json()).toHaveLength(1);
    expect((await cli("lock", "ada@example.com")).out).toContain("ended all sessions there");
    expect((await cli("sessions", "ada@example.com", "--json")).json()).toEqual([]);
    await cli("unlock", "ada@example.com");
    const challenge = await send("ada@example.com");
    const { code } = await on.messageOf(challenge);
    const wrong = code.startsWith("0") ? `1${code.slice(1)}` : `0${code.slice(1)}`;
    for (const guess of [wrong, wrong]) {
      await expect(on.authAs("web").verifyOtp({ challengeId: challenge!.challengeId, code: guess })).rejects.toThrow();
    }
    const found = await cli("find", "ada@example.com");
    expect(found.out).toMatch(
      /- Wrong codes have locked the account for a time\. This ends by itself at \S+Z, \d+ minutes from now\. `latchkey user unblock \d+ --app default` ends this\./,
    );
    expect((await cli("unblock", "ada@example.com")).out).toMatch(/^Reset the disabled contacts, the lockout/);
    expect((await cli("find", "ada@example.com", "--json")).json().can_sign_in).toBe(true);
  });

  it("a user is unblocked 5 times a day: then the command says when it may be tried again", async () => {
    await cli("create", "--email", "ada@example.com");
    for (let times = 0; times < 5; times += 1) expect((await cli("unblock", "ada@example.com")).code).toBe(0);
    const refused = await cli("unblock", "ada@example.com");
    expect(refused.code).not.toBe(0);
    const [, until] = refused.err.match(/Nothing was changed\. Try again at (\S+Z)\.\n/) ?? [];
    expect(Date.parse(until!) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    expect(Date.parse(until!) - Date.now()).toBeLessThanOrEqual(24 * 3_600_000);
  });
});
