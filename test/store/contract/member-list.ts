import { expect, it } from "vitest";
import type { MemberQuery } from "../../../src/store/port/users.js";
import { appId, type Scene, t0, times } from "./fixtures.js";
import { bank, claimed, membersOf, newMember, shop, verified } from "./member-fixtures.js";

const mail = (name: string) => ({ kind: "email", value: `${name}@example.com` }) as const;

/** Pages of members. */
export function memberList(scene: Scene): void {
  const { create, add } = membersOf(scene);

  /** Reads all pages. Fails if a page has too many members or the pages do not end. */
  async function pagesOf(query: Partial<MemberQuery>, limit = 3) {
    const pages = [];
    for (let after = ""; pages.length < 1_000; ) {
      const page = await scene.store.users.list({ poolId: "main", appId, prefix: null, ...query, after, limit });
      expect(page.members.length).toBeLessThanOrEqual(limit);
      pages.push(page.members);
      if (page.next === null) return pages;
      after = page.next;
    }
    throw new Error("the pages do not end");
  }
  const listed = async (query: Partial<MemberQuery>, limit?: number) => (await pagesOf(query, limit)).flat();
  const named = async (text: string, field: "username" | "email" | "phone" = "email", limit?: number) =>
    (await listed({ prefix: { field, text } }, limit)).map(({ user }) => user.displayName);

  it("members are listed in the order of their numbers, once each, and only those of the app", async () => {
    const made = [];
    for (const number of [50, 7, 9, 8, 60, 3, 61]) made.push(await add({ number }));
    await add({ number: 10 }, shop);
    await add({ number: 11 }, bank);
    const ordered = made.sort((a, b) => a.user.number - b.user.number);
    for (const limit of [1, 2, 3, 7, 100]) expect(await listed({}, limit), `${limit}`).toEqual(ordered);
    expect(await listed({ appId: "nothing" })).toEqual([]);
  });

  it("a full last page is the last", async () => {
    for (const _ of times(4, () => 0)) await add();
    expect((await pagesOf({}, 2)).map((page) => page.length)).toEqual([2, 2]);
    for (const name of ["zz-a", "zz-b", "zz-c", "zz-d"]) await add({ contacts: [verified(mail(name))] });
    const prefix = { field: "email", text: "zz-" } as const;
    expect((await pagesOf({ prefix }, 2)).map((page) => page.length)).toEqual([2, 2]);
    expect((await pagesOf({ prefix }, 4)).map((page) => page.length)).toEqual([4]);
  });

  it("a prefix finds addresses byte by byte, verified and claimed, in the order of the values", async () => {
    for (const name of ["ab", "a_b", "aab", "b", "a%", "abc"]) {
      await add({ user: { displayName: name }, contacts: [name === "aab" ? claimed(mail(name)) : verified(mail(name))] });
    }
    await add({ user: { displayName: "stranger" }, contacts: [verified(mail("abd"))] }, shop);
    await add({ user: { displayName: "claim elsewhere" }, contacts: [claimed(mail("abe"))] }, shop);
    await add({ user: { displayName: "other pool" }, contacts: [verified(mail("abf"))] }, bank);
    for (const limit of [1, 2, 100]) {
      expect(await named("a", "email", limit)).toEqual(["a%", "a_b", "aab", "ab", "abc"]);
      expect(await named("a_", "email", limit)).toEqual(["a_b"]);
      expect(await named("%", "email", limit)).toEqual([]);
      expect(await named("ab@example.com", "email", limit)).toEqual(["ab"]);
    }
    expect(await named("A")).toEqual([]);
  });

  it("a prefix finds user names and numbers", async () => {
    for (const [username, value] of [
      ["ada", "+46701"],
      ["adam", "+46702"],
      ["bob", "+47703"],
    ] as const) {
      await add({ user: { username, displayName: username }, contacts: [verified({ kind: "phone", value })] });
    }
    await add({ user: { username: "adele", displayName: "stranger" } }, shop);
    for (const limit of [1, 100]) {
      expect(await named("ad", "username", limit)).toEqual(["ada", "adam"]);
      expect(await named("+46", "phone", limit)).toEqual(["ada", "adam"]);
    }
  });

  it("people who claim one address are all listed, and a person with several addresses once, by the first", async () => {
    const people = await Promise.all(times(5, (n) => add({ user: { displayName: `claims ${n}` } })));
    for (const { user } of people) {
      const change = { appId, userId: user.userId, primary: false, now: t0 };
      await scene.store.users.addContact({ ...change, contact: claimed(mail("shared")) });
    }
    await add({
      user: { displayName: "several" },
      contacts: [verified(mail("sa")), verified(mail("sz")), claimed(mail("sb"))],
    });
    for (const limit of [1, 2, 100]) {
      const found = await named("s", "email", limit);
      expect(found[0]).toBe("several");
      expect(found.slice(1).sort()).toEqual(times(5, (n) => `claims ${n}`));
    }
  });

  it("1,200 strangers with the prefix do not hide the member behind them", async () => {
    await create(
      times(1_200, (n) => newMember({ contacts: [verified(mail(`a${String(n).padStart(4, "0")}`))] })),
      shop,
    );
    await add({ user: { displayName: "last" }, contacts: [verified(mail("az"))] });
    expect(await named("a", "email", 2)).toEqual(["last"]);
  });

  it("members that come and go between pages neither repeat nor hide others", async () => {
    const { store } = scene;
    const made = await Promise.all(times(6, () => add()));
    const query = { poolId: "main", appId, prefix: null, limit: 3 };
    const first = await store.users.list({ ...query, after: "" });
    await store.users.leave({ appId, userId: first.members[2]!.user.userId, now: t0 });
    await store.users.leave({ appId, userId: first.members[0]!.user.userId, now: t0 });
    const added = await add();
    const second = await store.users.list({ ...query, after: first.next!, limit: 100 });
    const ids = [...first.members, ...second.members].map(({ user }) => user.userId);
    expect(ids.sort()).toEqual([...made, added].map(({ user }) => user.userId).sort());
  });
}
