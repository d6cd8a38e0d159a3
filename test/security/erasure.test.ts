import { existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { storeLocation } from "../../src/server/core.js";
import { type HookedApp, startHookedApp } from "../accounts/hooked-app.js";
import { bearer, refused, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { query } from "../support/postgres.js";
import { queryRaw } from "../support/raw-database.js";

const email = "erica.erasable@example.com";
const phone = "+46701740605";
const moreContacts = ["erica.second@example.net", "erica.third@example.org", "+46701740606"];
const [second, claimedEmail, claimedPhone] = moreContacts as [string, string, string];

/** What must be found nowhere: the contacts, the names, and what the person and the apps wrote about the person. */
const traces = {
  email,
  phone,
  second,
  claimedEmail,
  claimedPhone,
  username: "erica-the-erasable",
  displayName: "Erica Namedhere",
  customAttribute: "custom-attribute-of-erica",
  appAttribute: "app-attribute-of-erica",
  externalId: "external-id-of-erica",
  kind: "kind-of-erica",
  organization: "organization-of-erica",
  userAgent: "browser-of-erica",
} as const;

const hour = 60 * 60_000;

describe.each(testEngines())("a person who leaves the last app, on $engine", ({ database }) => {
  let app: HookedApp;
  beforeEach(async () => {
    app = await startHookedApp({ ...(await database()), LATCHKEY_RESEND_COOLDOWN: "0", LATCHKEY_LOG_LEVEL: "debug" });
  });
  afterEach(() => app.stop());

  const mentions = (text: string) => Object.values(traces).filter((trace) => text.includes(trace));
  const inLog = () => mentions(JSON.stringify(app.on.log.lines));
  const bytesOf = (trace: string) => Buffer.from(trace).toString("hex");

  /** The traces in the files of the database, or in all rows of all tables. */
  async function inDatabase(): Promise<readonly string[]> {
    const location = storeLocation(app.on.settings);
    if (location.kind === "sqlite") {
      const files = ["", "-wal", "-shm"].map((suffix) => `${location.path}${suffix}`).filter((path) => existsSync(path));
      return mentions(files.map((path) => readFileSync(path, "latin1")).join("\n"));
    }
    const tables = await query<{ name: string }>(
      location,
      "SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'",
    );
    const rows = await Promise.all(
      tables.map(({ name }) => query<{ text: string }>(location, `SELECT t::text AS text FROM ${name} AS t`)),
    );
    const text = rows.flat().map((row) => row.text);
    return Object.values(traces).filter((trace) => text.some((one) => one.includes(trace) || one.includes(bytesOf(trace))));
  }

  const identifier = { case: "email" as const, value: email };
  const budgets = async () => Number((await queryRaw<{ n: number }>(app.on, "SELECT count(*) AS n FROM budgets"))[0]!.n);
  const user = () => app.on.authWith({ "x-latchkey-client": "shop-web", "user-agent": traces.userAgent });
  const proven = async (challenge: { readonly challengeId: string } | undefined, key = "") => {
    const { challengeId, code } = await app.on.messageOf(challenge);
    return { challengeId, code, idempotencyKey: key };
  };

  /** Registers the person in the app `shop`, joins two more apps, and leaves something in every table. */
  async function fill() {
    const auth = user();
    const { challenges } = await auth.registerUser({
      email,
      phone,
      username: traces.username,
      displayName: traces.displayName,
      customAttributes: { note: traces.customAttribute },
      idempotencyKey: "a-registration-of-erica",
    });
    await auth.verifyOtp(await proven(challenges[0], "a-first-proof-of-erica"));
    const { tokens, user: registered } = await auth.verifyOtp(await proven(challenges[1], "a-second-proof-of-erica"));
    const { userId } = registered!;
    const as = bearer(tokens!.accessToken);
    const { tokens: renewed } = await auth.refreshToken({
      refreshToken: tokens!.refreshToken,
      idempotencyKey: "a-renewal-of-erica",
    });

    await app.admin("AppService/CreateApp", { appId: "club" });
    await app.admin("AppService/CreateClient", { appId: "club", clientId: "club-web", kind: "CLIENT_KIND_PUBLIC" });
    await app.admin("UserService/CreateUser", {
      appId: "default",
      email,
      kind: traces.kind,
      externalId: traces.externalId,
      ownerOrganization: traces.organization,
      appAttributes: { note: traces.appAttribute },
    });
    await app.admin("UserService/InviteUser", {
      appId: "club",
      email,
      clientId: "club-web",
      idempotencyKey: "invite-erica-now",
    });
    await app.admin("UserService/AddContact", { appId: "default", userId, email: claimedEmail });
    await app.admin("UserService/AddContact", { appId: "shop", userId, phone: claimedPhone });

    await auth.sendOtp({ identifier, idempotencyKey: "a-login-of-erica" });
    const { challenge: guessed } = await app.other.sendOtp({ identifier: { case: "phone", value: phone } });
    const { code } = await app.on.messageOf(guessed);
    await refused(app.other.verifyOtp({ challengeId: guessed!.challengeId, code: wrongCode(code) }));
    const change = { contact: { case: "email" as const, value: second }, replace: email };
    const { challenge: started } = await auth.startContactChange({ ...change, idempotencyKey: "a-change-of-erica" }, as);
    await app.on.messageOf(started);
    return { userId, as: bearer(renewed!.accessToken) };
  }

  it("is erased in every table, file and log line, and the counters of the limits stay", async () => {
    const { userId, as } = await fill();
    expect(new Set(await inDatabase())).toEqual(new Set(Object.values(traces)));
    expect(await app.admin("UserService/DeleteUser", { appId: "club", userId })).not.toMatchObject({ erased: true });
    expect(await app.admin("UserService/DeleteUser", { appId: "default", userId })).not.toMatchObject({ erased: true });
    const counted = await budgets();
    expect(counted).toBeGreaterThan(0);
    await user().deleteCurrentUser({}, as);

    const { upkeep } = app.on.app.core.deps.store;
    expect(await upkeep.scrub()).toBe(true);
    expect(await inDatabase()).toEqual([]);
    expect(await budgets()).toBe(counted);
    expect(inLog()).toEqual([]);
    expect(app.on.log.lines.length).toBeGreaterThan(10);
  });

  it("leaves a proof of the contact that needs no account at most until it is swept", async () => {
    const { userId, as } = await fill();
    const { challenge } = await user().sendOtp({ identifier, purpose: Purpose.VERIFY_CONTACT });
    await app.on.messageOf(challenge);
    for (const appId of ["club", "default"]) await app.admin("UserService/DeleteUser", { appId, userId });
    await user().deleteCurrentUser({}, as);
    const { upkeep } = app.on.app.core.deps.store;
    app.on.clock.advance(2 * hour);
    await upkeep.sweep({ now: app.on.clock(), limit: 1_000 });
    expect(await upkeep.scrub()).toBe(true);
    expect(await inDatabase()).toEqual([]);
  });

  it("stays one person, with all that the app left says, until then", async () => {
    const { userId, as } = await fill();
    await app.admin("UserService/DeleteUser", { appId: "club", userId });
    const { user: kept } = await app.admin("UserService/GetUser", { appId: "default", userId });
    expect(kept).toMatchObject({ username: traces.username, externalId: traces.externalId, kind: traces.kind });
    expect((await user().getCurrentUser({}, as)).user).toMatchObject({ displayName: traces.displayName });
    await app.admin("UserService/DeleteUser", { appId: "default", userId });
    // What was said in the app that was left is gone, and the person is not.
    await app.on.app.core.deps.store.upkeep.scrub();
    const { kind, externalId, organization, appAttribute, claimedEmail: claim } = traces;
    const left = await inDatabase();
    for (const trace of [kind, externalId, organization, appAttribute, claim]) expect(left).not.toContain(trace);
    expect((await user().getCurrentUser({}, as)).user).toMatchObject({ displayName: traces.displayName });
  });
});
