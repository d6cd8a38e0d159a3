import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AccountsDeps } from "../../src/accounts/deps.js";
import { getUser } from "../../src/accounts/get-user.js";
import { type ImportedUser, importMax, importUsers } from "../../src/accounts/import-users.js";
import { listUsers } from "../../src/accounts/list-users.js";
import { operator } from "../../src/apps/actor.js";
import { AuthError } from "../../src/auth/errors.js";
import { defaultAppId } from "../../src/model/app.js";
import type { MemberKey } from "../../src/model/user.js";
import { testEngines } from "../support/engines.js";
import { openTestDirectory } from "./directory.js";
import { type People, startPeople } from "./people.js";

const email = (value: string, verifiedAt: number | null = null) => ({ kind: "email", value, verifiedAt }) as const;

describe.each(testEngines())("importUsers on $engine", ({ database }) => {
  let people: People;
  let deps: AccountsDeps;
  let close: () => Promise<void>;
  beforeAll(async () => {
    people = await startPeople(await database());
    const directory = await openTestDirectory(people.on);
    close = () => directory.stop();
    deps = { ...people.on.app.core.deps, wakeOutbox: () => {}, directory };
  });
  afterAll(async () => {
    await close();
    await people.on.stop();
  });

  const load = async (members: readonly ImportedUser[], options: { readonly dryRun?: boolean; readonly appId?: string } = {}) =>
    await importUsers(deps, operator(), { appId: defaultAppId, members, ...options });
  const find = async (key: MemberKey, appId: string = defaultAppId) => await getUser(deps, operator(), { appId, key });
  const count = async () => {
    const { items } = await listUsers(deps, operator(), { appId: defaultAppId, filter: null, pageSize: 500, pageToken: "" });
    return items.length;
  };

  it("keeps ids, numbers, verified contacts and states of the source, and the next user gets a higher number", async () => {
    const userId = "0190a000-0000-7000-8000-00000000abcd";
    const [outcome] = await load([
      {
        userId: userId.toUpperCase(),
        number: 4711,
        contacts: [email("Old@Example.com", 1_600_000_000_000), email("claim@example.com")],
        username: "Old",
        roles: ["reader"],
        externalId: "old-1",
        appAttributes: { plan: "gold" },
        state: "locked",
        credentialType: "none",
      },
    ]);
    expect(outcome).toMatchObject({ kind: "created" });
    const { user, membership } = await find({ kind: "number", value: 4711 });
    expect(user).toMatchObject({
      userId,
      username: "old",
      contacts: [email("old@example.com", 1_600_000_000_000), email("claim@example.com")],
    });
    expect(membership).toMatchObject({ roles: ["reader"], externalId: "old-1", state: "locked", credentialType: "none" });
    const [next] = await load([{ contacts: [email("next@example.com")] }]);
    expect(next).toMatchObject({ kind: "created", member: { user: { number: 4712 } } });
  });

  it("gives an outcome for each user in order; those that are refused change nothing and stop no other", async () => {
    await load([
      { userId: "0190a000-0000-7000-8000-00000000aaaa", contacts: [email("here@example.com", 1)], username: "here" },
    ]);
    await people.shop.users.createUser({ email: "elsewhere@example.com", verified: [1] });
    const before = await count();
    const outcomes = await load([
      { contacts: [email("new-1@example.com")] },
      { contacts: [email("not an address")], roles: ["reader", "root"] },
      { contacts: [email("here@example.com")] },
      { contacts: [email("new-2@example.com")], username: "here" },
      { contacts: [email("elsewhere@example.com")] },
      { contacts: [] },
      { contacts: [email("new-3@example.com")], number: 0 },
      { contacts: [email("new-1@example.com")] },
      { contacts: [email("twice@example.com"), email("Twice@example.com")] },
      { contacts: [email("new-4@example.com")] },
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      "created",
      "invalid",
      "already_member",
      "taken",
      "joined",
      "invalid",
      "invalid",
      "already_member",
      "invalid",
      "created",
    ]);
    expect(outcomes[1]).toEqual({
      kind: "invalid",
      violations: [
        { field: "email", description: "must be an e-mail address like name@example.com" },
        { field: "roles[1]", description: "is not a role of the app: add it to the app's roles first" },
      ],
    });
    expect(outcomes[3]).toEqual({ kind: "taken", field: "username" });
    expect(await count()).toBe(before + 3);
  });

  it("a repeat imports no one twice", async () => {
    const members = Array.from({ length: 50 }, (_, index) => ({ contacts: [email(`repeat-${index}@example.com`)] }));
    const first = await load(members);
    expect(first.every(({ kind }) => kind === "created")).toBe(true);
    const before = await count();
    const second = await load(members);
    expect(second.map((one) => (one.kind === "already_member" ? one.userId : one.kind))).toEqual(
      first.map((one) => (one.kind === "created" ? one.member.user.userId : one.kind)),
    );
    expect(await count()).toBe(before);
  });

  it("a dry run says what an import would do, and changes nothing", async () => {
    await people.shop.users.createUser({ email: "pool@example.com", verified: [1] });
    await load([{ contacts: [email("member@example.com")], username: "member", externalId: "m-1", number: 9001 }]);
    const { user } = await find({ kind: "email", value: "member@example.com" });
    const before = await count();
    const members: ImportedUser[] = [
      { contacts: [email("fresh@example.com")] },
      { contacts: [email("pool@example.com")] },
      { contacts: [email("member@example.com")] },
      { contacts: [email("other@example.com")], username: "member" },
      { contacts: [email("other@example.com")], externalId: "m-1" },
      { contacts: [email("other@example.com")], number: 9001 },
      { contacts: [email("pool@example.com"), email("member@example.com")] },
      { contacts: [email("@")] },
    ];
    expect(await load(members, { dryRun: true })).toEqual([
      { kind: "would_create" },
      { kind: "would_join" },
      { kind: "already_member", userId: user.userId },
      { kind: "taken", field: "username" },
      { kind: "taken", field: "external_id" },
      { kind: "taken", field: "number" },
      { kind: "taken", field: "email" },
      { kind: "invalid", violations: [{ field: "email", description: "must be an e-mail address like name@example.com" }] },
    ]);
    expect(await count()).toBe(before);
    const outcomes = await load(members);
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      "created",
      "joined",
      "already_member",
      "taken",
      "taken",
      "taken",
      expect.stringMatching(/already_member|taken/),
      "invalid",
    ]);
  });

  it("is for operators alone, for an app that exists, and for 500 users at most", async () => {
    const reasonOf = async (call: Promise<unknown>) =>
      await call.then(
        () => "none",
        (error: unknown) => (error instanceof AuthError ? error.reason : String(error)),
      );
    const members = [{ contacts: [email("limit@example.com")] }];
    const weaker = { ...operator(), scopes: new Set(["users:write", "users:verify"] as const) };
    expect(await reasonOf(importUsers(deps, weaker, { appId: defaultAppId, members }))).toBe("SCOPE_MISSING");
    expect(await reasonOf(load(members, { appId: "missing" }))).toBe("APP_NOT_FOUND");
    const many = Array.from({ length: importMax + 1 }, (_, index) => ({ contacts: [email(`many-${index}@example.com`)] }));
    expect(await reasonOf(load(many))).toBe("REQUEST_INVALID");
    expect((await load(many.slice(1))).every(({ kind }) => kind === "created")).toBe(true);
  });
});
