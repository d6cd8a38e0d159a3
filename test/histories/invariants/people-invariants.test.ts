import { describe, expect, it } from "vitest";
import type { App, Call, MemberState, View } from "../history.js";
import { erasedLast } from "./erased-last.js";
import { history, lost, notUsed, ok, refreshed, refused, sent, signIn, used } from "./hand-written.js";
import { lockedOut } from "./locked-out.js";
import { oneActivation } from "./one-activation.js";
import { oneChange } from "./one-change.js";
import { oneClaimant } from "./one-claimant.js";
import { oneHolder } from "./one-holder.js";

type Interval = readonly [number, number];
const u = { app: "default", user: "u" } as const;
const v = { app: "default", user: "v" } as const;
const other = { app: "other", user: "u" } as const;

function view(user: string, given: Partial<View> = {}): View {
  return { user, state: "active", verified: [], claimed: [], ...given };
}
const locked = (at: Interval) => ok("lock", at, u, view("u", { state: "locked" }));
const unlocked = (at: Interval) => ok("unlock", at, u, view("u"));
const removed = (at: Interval, erased = true, member: { app: App; user: string } = u) => ok("remove", at, member, { erased });
const seen = (at: Interval, user: string, given: Partial<View> = {}) =>
  ok("get", at, { app: "default", user }, view(user, given));
const notSeen = (at: Interval, member: { app: App; user: string } = u) => refused("get", at, member, "USER_NOT_FOUND");
const created = (
  at: Interval,
  user: string,
  given: Partial<View> & { contact?: string; created?: boolean; app?: App } = {},
) => {
  const { contact = "a", created: isNew = true, app = "default", ...of } = given;
  const verified = of.verified?.includes(contact) ?? false;
  return ok(
    "create",
    at,
    { app, contact, verified },
    { ...view(user, { claimed: verified ? [] : [contact], ...of }), created: isNew },
  );
};
const invited = (at: Interval, user = "u", isNew = true) =>
  ok("invite", at, { app: "default", contact: "a" }, { ...view(user, { state: "invited" }), created: isNew, challenge: "c" });
const login = (
  at: Interval,
  session: string,
  given: { user?: string; isNewUser?: boolean; challenge?: string; app?: App } = {},
) => signIn(at, session, given);
const change = { challenge: "d", contact: "b", replaces: "a", session: "s" };
const started = (at: Interval, challenge = "d") =>
  ok("startChange", at, { session: "s", contact: "b", replaces: "a" }, { challenge });
const changed = (at: Interval, user = "u", verified: readonly string[] = ["b"]) =>
  ok("proveChange", at, change, { user, verified });

describe("locked-out", () => {
  const found = (calls: readonly Call[]) => lockedOut(history(calls)).map(({ what }) => what);

  it("finds a session that works after a lock, whether it was there before or begun meanwhile", () => {
    expect(found([login([1, 2], "s"), locked([3, 4]), used([5, 6], "s")])).toEqual(["s works after lock was answered"]);
    expect(found([login([3, 5], "s"), locked([3, 4]), used([6, 7], "s")])).toEqual(["s works after lock was answered"]);
    expect(found([login([1, 2], "s"), locked([3, 6]), used([4, 5], "s"), notUsed([7, 8], "s")])).toEqual([]);
  });

  it("lets a member sign in again once it may have been unlocked, and an older session stay ended", () => {
    const later = [locked([3, 4]), unlocked([5, 8]), login([6, 7], "t"), used([9, 10], "t")];
    expect(found([login([1, 2], "s"), ...later])).toEqual([]);
    expect(found([login([1, 2], "s"), ...later, refreshed([11, 12], "s", 0)])).toEqual(["s works after lock was answered"]);
    expect(found([locked([3, 4]), lost("unlock", 3, u), login([6, 7], "t")])).toEqual([]);
  });

  it("finds a session of a person who left, in that app alone, unless the person may have joined anew", () => {
    const signedIn = [login([1, 2], "s"), login([1, 2], "o", { app: "other" })];
    expect(found([...signedIn, removed([3, 4], false), used([5, 6], "o")])).toEqual([]);
    expect(found([...signedIn, removed([3, 4], false), used([5, 6], "s")])).toEqual(["s works after remove was answered"]);
    const left = ok("deleteUser", [3, 4], { session: "s" }, {});
    const late = [login([3, 5], "late"), used([6, 7], "late")];
    expect(found([...signedIn, left, ...late])).toEqual(["late works after deleteUser was answered"]);
    expect(found([...signedIn, left, login([5, 6], "t")])).toEqual(["t works after deleteUser was answered"]);
    expect(found([...signedIn, left, login([5, 6], "t", { isNewUser: true }), used([7, 8], "t")])).toEqual([]);
    expect(found([...signedIn, left, created([5, 6], "u", { created: false }), login([7, 8], "t")])).toEqual([]);
  });
});

describe("one-holder", () => {
  const fits = (calls: readonly Call[]) => oneHolder(history(calls)).length === 0;
  const asked = (challenge: string, identifier: string) => sent([1, 2], challenge, { identifier });
  const has = (at: Interval, user: string, contact = "a") => seen(at, user, { verified: [contact] });

  it("finds two holders of one contact, and lets it pass when the first may have lost it", () => {
    const first = [asked("c", "a"), login([3, 4], "s", { challenge: "c" })];
    expect(fits([...first, has([5, 6], "u"), has([7, 8], "u")])).toBe(true);
    expect(fits([...first, has([5, 6], "v")])).toBe(false);
    const taken = ok("addContact", [9, 10], { ...v, contact: "a", verified: true }, view("v", { verified: ["a"] }));
    expect(fits([...first, taken])).toBe(false);
    expect(fits([...first, ok("removeContact", [5, 6], { ...u, contact: "a" }, view("u")), taken])).toBe(true);
    expect(fits([...first, removed([5, 6], true), taken])).toBe(true);
    expect(fits([...first, removed([5, 6], false), taken])).toBe(false);
    expect(fits([...first, lost("remove", 5, u), taken])).toBe(true);
  });

  it("finds a change that gives a contact to two users, that keeps the old one, or that is refused though it is free", () => {
    const two = [login([1, 2], "s"), login([1, 2], "t", { user: "v" })];
    const other = ok("proveChange", [5, 6], { ...change, session: "t" }, { user: "v", verified: ["b"] });
    expect(fits([...two, changed([3, 4])])).toBe(true);
    expect(fits([...two, changed([3, 4]), other])).toBe(false);
    expect(fits([...two, changed([3, 4]), has([5, 6], "u", "b"), has([7, 8], "u", "a")])).toBe(false);
    const refusal = refused("proveChange", [5, 6], { ...change, session: "t" }, "CONTACT_TAKEN");
    expect(fits([...two, changed([3, 4]), refusal])).toBe(true);
    expect(fits([...two, refusal])).toBe(false);
  });

  it("lets a lost sign-in have made the holder whom a later answer names, and none but one", () => {
    const unseen = lost("verify", 3, { challenge: "c", right: true, requester: "r", key: null });
    expect(fits([asked("c", "a"), unseen, has([5, 6], "w")])).toBe(true);
    expect(fits([asked("c", "a"), has([5, 6], "w")])).toBe(false);
  });
});

describe("one-change", () => {
  const found = (calls: readonly Call[]) => oneChange(history(calls)).map(({ what }) => what);
  const begun = [login([1, 2], "s"), started([3, 4])];

  it("finds a change that two calls consumed, however it ended", () => {
    expect(found([...begun, changed([5, 6]), refused("proveChange", [5, 7], change, "CODE_INVALID")])).toEqual([]);
    expect(found([...begun, changed([5, 6]), changed([5, 7])])).toEqual(["d was consumed 2 times"]);
    const taken = refused("proveChange", [5, 7], change, "CONTACT_TAKEN");
    expect(found([...begun, changed([5, 6]), taken])).toEqual(["d was consumed 2 times"]);
    expect(found([...begun, changed([5, 6]), lost("proveChange", 5, change)])).toEqual([]);
  });

  it("finds a change of another user, or with another result", () => {
    expect(found([...begun, changed([5, 6], "v")])).toEqual(["d changed v and not u"]);
    expect(found([...begun, changed([5, 6], "u", ["a", "b"])])).toEqual(["d left u with a and b"]);
    const removed = ok("removeContact", [4, 5], { ...u, contact: "a" }, view("u", { verified: [] }));
    expect(found([...begun, removed, changed([5, 6], "u", ["a", "b"])])).toEqual([]);
  });
});

describe("erased-last", () => {
  const fits = (calls: readonly Call[]) => erasedLast(history(calls)).length === 0;
  const both = [created([1, 2], "u"), created([3, 4], "u", { app: "other", created: false })];
  const inOther = (at: Interval) => ok("get", at, other, view("u"));

  it("finds a person that is erased with an app left, or not with the last one", () => {
    expect(fits([...both, removed([5, 6], false), inOther([7, 8]), removed([9, 10], true, other)])).toBe(true);
    expect(fits([...both, removed([5, 6], true)])).toBe(false);
    expect(fits([...both, removed([5, 6], false), notSeen([7, 8], other)])).toBe(false);
    expect(fits([created([1, 2], "u"), removed([3, 4], false)])).toBe(false);
  });

  it("lets two deletions by one user at once both be answered, and finds a member after them", () => {
    const twice = [
      login([1, 2], "s", { isNewUser: true }),
      ...(
        [
          [3, 5],
          [3, 6],
        ] as const
      ).map((at) => ok("deleteUser", at, { session: "s" }, {})),
    ];
    expect(fits([...twice, notSeen([7, 8])])).toBe(true);
    expect(fits([...twice, seen([7, 8], "u")])).toBe(false);
  });

  it("finds a person that comes back after the erasure, and lets another one come", () => {
    const gone = [created([1, 2], "u"), removed([3, 4], true)];
    expect(fits([...gone, created([5, 6], "v")])).toBe(true);
    expect(fits([...gone, created([5, 6], "u", { created: false })])).toBe(false);
    expect(fits([...gone, login([5, 6], "s", { isNewUser: true })])).toBe(false);
    expect(fits([...gone, notSeen([5, 6])])).toBe(true);
  });

  it("finds a membership that is made twice, and lets a lost call have made it or ended it", () => {
    expect(fits([created([1, 2], "u"), created([3, 4], "u", { created: false })])).toBe(false);
    expect(fits([created([1, 2], "u"), lost("remove", 3, u), notSeen([5, 6])])).toBe(true);
    const unseen = lost("create", 3, { app: "other", contact: "a", verified: false });
    expect(fits([created([1, 2], "u"), unseen, inOther([5, 6])])).toBe(true);
    expect(fits([created([1, 2], "u"), inOther([5, 6])])).toBe(false);
  });
});

describe("one-activation", () => {
  const fits = (calls: readonly Call[]) => oneActivation(history(calls)).length === 0;
  const isIn = (at: Interval, state: MemberState) => seen(at, "u", { state });

  it("finds a member who is active without a redemption, or still invited after one", () => {
    expect(fits([invited([1, 2]), isIn([3, 4], "invited"), login([5, 6], "s"), isIn([7, 8], "active")])).toBe(true);
    expect(fits([invited([1, 2]), isIn([3, 4], "active")])).toBe(false);
    expect(fits([invited([1, 2]), login([5, 6], "s"), isIn([7, 8], "invited")])).toBe(false);
    expect(fits([invited([1, 2]), login([5, 6], "s"), invited([7, 8], "u", false)])).toBe(false);
    expect(fits([invited([1, 2]), invited([3, 4], "u", false), login([5, 6], "s")])).toBe(true);
  });

  it("lets the end of a lock make a member active, and finds a sign-in during one", () => {
    expect(fits([invited([1, 2]), locked([3, 4]), unlocked([5, 6]), isIn([7, 8], "active")])).toBe(true);
    expect(fits([created([1, 2], "u"), locked([3, 4]), login([5, 6], "s")])).toBe(false);
    expect(fits([created([1, 2], "u"), locked([3, 4]), lost("unlock", 3, u), login([5, 6], "s")])).toBe(true);
  });

  it("finds a lock that is not seen, or ends by itself", () => {
    expect(fits([created([1, 2], "u"), locked([3, 4]), isIn([5, 6], "locked")])).toBe(true);
    expect(fits([created([1, 2], "u"), locked([3, 4]), isIn([5, 6], "active")])).toBe(false);
  });
});

describe("one-claimant", () => {
  const found = (calls: readonly Call[]) => oneClaimant(history(calls)).length;
  const claims = (at: Interval, user: string) =>
    ok("addContact", at, { app: "default", user, contact: "a", verified: false }, view(user, { claimed: ["a"] }));
  const proven = [
    claims([1, 2], "u"),
    claims([1, 2], "v"),
    sent([3, 4], "c", { identifier: "a" }),
    login([5, 6], "s", { challenge: "c" }),
  ];

  it("finds another claimant, or another person who is signed in by it, after the proof", () => {
    expect(found([...proven, seen([7, 8], "v")])).toBe(0);
    expect(found([...proven, seen([5, 8], "v", { claimed: ["a"] })])).toBe(0);
    expect(found([...proven, seen([7, 8], "v", { claimed: ["a"] })])).toBe(1);
    const again = [sent([7, 8], "e", { identifier: "a" }), login([9, 10], "t", { challenge: "e", user: "v" })];
    expect(found([...proven, ...again])).toBe(1);
  });

  it("lets the contact pass on when the first person may have lost it", () => {
    const loss = ok("removeContact", [7, 8], { ...u, contact: "a" }, view("u"));
    expect(found([...proven, loss, seen([9, 10], "v", { claimed: ["a"] })])).toBe(0);
    expect(found([...proven, lost("remove", 7, u), seen([9, 10], "v", { claimed: ["a"] })])).toBe(0);
  });

  it("claims nothing of a sign-in by a contact that the person may have had before", () => {
    const claimed = seen([9, 10], "v", { claimed: ["a"] });
    const [, , asked, signedIn] = proven;
    const before = [claims([1, 2], "u"), claims([1, 2], "v")];
    const had = ok("get", [3, 4], { app: "other", user: "u" }, view("u", { verified: ["a"] }));
    expect(found([...before, asked!, signedIn!, claimed])).toBe(1);
    expect(found([...before, had, asked!, signedIn!, claimed])).toBe(0);
    const unseen = lost("addContact", 3, { app: "other", user: "u", contact: "a", verified: true });
    expect(found([...before, unseen, asked!, signedIn!, claimed])).toBe(0);
  });

  it("claims nothing of a contact that no app claimed, nor of another app's claims", () => {
    const [, , ...unclaimed] = proven;
    expect(found([...unclaimed, seen([7, 8], "v", { claimed: ["a"] })])).toBe(0);
    const elsewhere = ok("get", [7, 8], { app: "other", user: "v" }, view("v", { claimed: ["a"] }));
    expect(found([...proven, elsewhere])).toBe(0);
  });
});
