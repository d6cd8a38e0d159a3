import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ContactKind, type User } from "../../src/gen/latchkey/v1/user_pb.js";
import { times } from "../store/contract/fixtures.js";
import { newMember, verified } from "../store/contract/member-fixtures.js";
import { testEngines } from "../support/engines.js";
import { type People, refusal, startPeople, type Users } from "./people.js";

describe.each(testEngines())("GetUser and ListUsers on $engine", ({ database }) => {
  let people: People;
  let ada: User;
  /** The users of `default` by number, with e-mail addresses `list-00@example.com` and so on. */
  const listed: User[] = [];

  beforeAll(async () => {
    people = await startPeople(await database());
    const { main } = people;
    const made = await main.users.createUser({
      email: "ada@example.com",
      phone: "+4915112345678",
      username: "ada",
      externalId: "ext-ada",
      verified: [ContactKind.EMAIL],
    });
    ada = made.user!;
    for (let index = 0; index < 25; index += 1) {
      const email = `list-${String(index).padStart(2, "0")}@example.com`;
      const { user } = await main.users.createUser({ email, username: `list-${index}`, roles: ["reader"] });
      listed.push(user!);
    }
  });
  afterAll(() => people.on.stop());

  it("finds a user by id, number, external id, e-mail address, phone number and username, in any spelling", async () => {
    const { main } = people;
    const keys = [
      { case: "userId", value: ada.userId.toUpperCase() },
      { case: "number", value: ada.number },
      { case: "externalId", value: "ext-ada" },
      { case: "email", value: " ADA@Example.com" },
      { case: "phone", value: "+49 151 12345678" },
      { case: "username", value: "Ada" },
    ] as const;
    for (const key of keys) expect((await main.users.getUser({ key })).user, key.case).toEqual(ada);
  });

  it("users of another app of the pool, of another pool and of no app are the same: USER_NOT_FOUND", async () => {
    const { shop, island, main } = people;
    const keys = [
      { case: "userId", value: ada.userId },
      { case: "number", value: ada.number },
      { case: "externalId", value: "ext-ada" },
      { case: "email", value: "ada@example.com" },
      { case: "phone", value: "+4915112345678" },
      { case: "username", value: "ada" },
    ] as const;
    for (const { users } of [shop, island]) {
      for (const key of keys) {
        expect(await refusal(users.getUser({ key })), key.case).toEqual({
          reason: "USER_NOT_FOUND",
          metadata: {},
          violations: [],
        });
      }
    }
    const missing = await refusal(main.users.getUser({ key: { case: "email", value: "none@example.com" } }));
    expect(missing.reason).toBe("USER_NOT_FOUND");
  });

  /** Reads a list to its end, with pages of this size. */
  async function all(users: Users, request: Parameters<Users["listUsers"]>[0]): Promise<readonly User[]> {
    const found: User[] = [];
    let pageToken = "";
    do {
      const page = await users.listUsers({ ...request, pageToken });
      found.push(...page.users);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return found;
  }

  it("lists every user of the app once, by number, whatever the size of the pages", async () => {
    const { main, shop } = people;
    const { user: other } = await shop.users.createUser({ email: "shop-only@example.com" });
    for (const pageSize of [0, 1, 7, 100]) {
      expect(
        (await all(main.users, { pageSize })).map(({ userId }) => userId),
        String(pageSize),
      ).toEqual([ada, ...listed].map(({ userId }) => userId));
    }
    expect((await all(shop.users, {})).map(({ userId }) => userId)).toEqual([other!.userId]);
  });

  it("lists by the beginning of an e-mail address, phone number or username, in the order of the values", async () => {
    const { main } = people;
    const filter = (field: "email" | "phone" | "username", value: string) => ({ filter: { field: { case: field, value } } });
    const ids = (users: readonly User[]) => users.map(({ userId }) => userId);
    expect(ids(await all(main.users, { pageSize: 4, ...filter("email", "List-1") }))).toEqual(ids(listed.slice(10, 20)));
    expect(ids(await all(main.users, filter("email", "ada@example.com")))).toEqual([ada.userId]);
    expect(ids(await all(main.users, filter("phone", "+49 151")))).toEqual([ada.userId]);
    expect(ids(await all(main.users, filter("username", "LIST-2")))).toEqual(ids([listed[2]!, ...listed.slice(20)]));
    for (const wild of ["%", "_", "list%"]) expect(await all(main.users, filter("email", wild))).toEqual([]);
    const refused = await refusal(main.users.listUsers(filter("phone", "0151")));
    expect(refused.violations.map((text) => text.split(":")[0])).toEqual(["filter.phone"]);
  });

  it("a page is full although 1,200 people of another app come first, and only the last one has no token", async () => {
    const { main, on } = people;
    const { store } = on.app.core.deps;
    const create = async (emails: readonly string[], appId: string) => {
      const members = emails.map((value) => newMember({ contacts: [verified({ kind: "email", value })] }));
      await store.users.create({ poolId: "main", appId, members, now: on.clock() });
    };
    await create(
      times(1_200, (n) => `full-${String(n).padStart(4, "0")}@example.com`),
      "shop",
    );
    await create(["full-x@example.com", "full-y@example.com", "full-z@example.com"], "default");
    const request = { pageSize: 2, filter: { field: { case: "email", value: "full-" } } } as const;
    const first = await main.users.listUsers(request);
    expect(first.users.map(({ contacts }) => contacts[0]!.value)).toEqual(["full-x@example.com", "full-y@example.com"]);
    const second = await main.users.listUsers({ ...request, pageToken: first.nextPageToken });
    expect(second.users.map(({ contacts }) => contacts[0]!.value)).toEqual(["full-z@example.com"]);
    expect(second.nextPageToken).toBe("");
  });

  it("a page token that was changed, or made for another client, app or filter, is refused by name", async () => {
    const { main, operator, withScopes } = people;
    const byEmail = { filter: { field: { case: "email", value: "list-" } } } as const;
    const { nextPageToken: token } = await main.users.listUsers({ pageSize: 2, ...byEmail });
    // A page may end at a person of the pool who is no user of the app.
    expect(Buffer.from(token, "base64url").toString("latin1")).not.toContain("example.com");
    const good = await main.users.listUsers({ pageSize: 2, pageToken: token, ...byEmail });
    expect(good.users.map(({ userId }) => userId)).toEqual(listed.slice(2, 4).map(({ userId }) => userId));

    const bytes = Buffer.from(token, "base64url");
    const flipped = (index: number) => {
      const copy = Buffer.from(bytes);
      copy[index]! ^= 1;
      return copy.toString("base64url");
    };
    const forged = [flipped(0), flipped(bytes.length - 1), bytes.subarray(0, 16).toString("base64url"), "AAAA", `${token}A`];
    const other = await withScopes("users:read");
    const calls = [
      ...forged.map((pageToken) => () => main.users.listUsers({ pageToken, ...byEmail })),
      () => main.users.listUsers({ pageToken: token }),
      () => main.users.listUsers({ pageToken: token, filter: { field: { case: "email", value: "list-1" } } }),
      () => main.users.listUsers({ pageToken: token, filter: { field: { case: "username", value: "list-" } } }),
      () => other.users.listUsers({ pageToken: token, ...byEmail }),
      () => operator.users.listUsers({ appId: "shop", pageToken: token, ...byEmail }),
    ];
    for (const call of calls) {
      const { reason, violations } = await refusal(call());
      expect(reason).toBe("REQUEST_INVALID");
      expect(violations.map((text) => text.split(":")[0])).toEqual(["page_token"]);
    }
  });

  it("a page of large users ends earlier, and the next one goes on", async () => {
    const { island } = people;
    const customAttributes = { text: "x".repeat(8_000) };
    const emails = Array.from({ length: 40 }, (_, index) => `large-${String(index).padStart(2, "0")}@example.com`);
    for (const email of emails) await island.users.createUser({ email, customAttributes });
    const first = await island.users.listUsers({ pageSize: 100 });
    expect(first.users.length).toBeGreaterThan(5);
    expect(first.users.length).toBeLessThan(20);
    const found = await all(island.users, { pageSize: 100 });
    expect(found.map(({ contacts }) => contacts[0]!.value)).toEqual(emails);
  });
});
