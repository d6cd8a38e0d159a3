import { expect, it } from "vitest";
import type { Call } from "../histories/history.js";
import {
  lost,
  notUsed,
  ok,
  refreshed,
  resent,
  revoked,
  sent,
  signIn,
  used,
  wrong,
} from "../histories/invariants/hand-written.js";
import { checkAnswers, checkMails, checkSnapshot, noteBrokenSends } from "./check.js";
import { createPeople, type People, type Person } from "./people.js";
import type { Snapshot, StoredChallenge } from "./snapshot.js";

/** Somebody who was told what is written here. */
function told(people: People, calls: readonly Call[], codes: Readonly<Record<string, string>>): Person {
  const person = people.add();
  (person.recorder.calls as Call[]).push(...calls);
  for (const challenge of Object.keys(codes))
    person.world.addChallenge({ challenge, identifier: person.email, purpose: "login", app: "default" });
  for (const call of calls) {
    if (call.kind !== "verify" || call.answer.kind !== "ok") continue;
    const { session } = call.answer.result as { readonly session: string };
    person.world.addTokens(session, { accessToken: "a", refreshToken: "lk1.1.family.0.mac" });
  }
  for (const code of Object.values(codes)) people.receiveMail(person.email, code);
  person.touched = true;
  return person;
}

interface World {
  readonly people: People;
  readonly ada: Person;
  readonly eve: Person;
}

/** A world in which every promise was kept: Ada has a live and an ended session and an open challenge, Eve deleted herself. */
function goodWorld(more: readonly Call[] = []): World {
  const people = createPeople(() => {
    throw new Error("nobody calls here");
  });
  const calls = [
    sent([1, 2], "first"),
    signIn([3, 4], "ended", { challenge: "first", user: "ada", isNewUser: true }),
    revoked([5, 6], "ended"),
    notUsed([7, 8], "ended"),
    sent([9, 10], "second"),
    wrong([11, 12], "second"),
    signIn([13, 14], "live", { challenge: "second", user: "ada" }),
    used([15, 16], "live"),
    sent([17, 18], "open"),
    resent([19, 20], "open"),
    wrong([21, 22], "open"),
    lost("verify", 23, { challenge: "open", right: false, requester: "r", key: null }),
    lost("verify", 24, { challenge: "open", right: false, requester: "r", key: null }),
    ...more,
  ];
  // Hours apart, so that no cooldown is in the way.
  const spread = calls.map((call) => ({ ...call, invokedMs: call.invokedMs * 3.6e6, answeredMs: call.answeredMs * 3.6e6 }));
  const ada = told(people, spread, { first: "111111", second: "222222", open: "333333" });
  people.receiveMail(ada.email, "333333");
  const gone = [
    sent([1, 2], "gone"),
    signIn([3, 4], "of eve", { challenge: "gone", user: "eve", isNewUser: true }),
    ok("deleteUser", [5, 6], { session: "of eve" }, {}),
  ];
  return { people, ada, eve: told(people, gone, { gone: "444444" }) };
}

interface Rows {
  readonly integrity?: string;
  readonly second?: Partial<StoredChallenge>;
  readonly open?: Partial<StoredChallenge> | null;
  readonly users?: readonly string[];
  readonly contacts?: (world: World) => Readonly<Record<string, string>>;
  readonly sessions?: Readonly<Record<string, { userId: string; generation: number }>>;
  readonly redemptions?: Snapshot["redemptions"];
  readonly outbox?: Snapshot["outbox"];
  readonly misplaced?: readonly string[];
}

function snapshotOf(world: World, rows: Rows = {}): Snapshot {
  const { ada, eve } = world;
  const redeemed = { contact: ada.email, attempts: 1, sends: 1, consumed: true, cancelled: false, hasSealedCode: false };
  const open = { ...redeemed, sends: 2, consumed: false, hasSealedCode: true };
  const challenges = new Map<string, StoredChallenge>([
    ["first", redeemed],
    ["second", { ...redeemed, attempts: 2, ...rows.second }],
    ["gone", { ...redeemed, contact: eve.email }],
  ]);
  if (rows.open !== null) challenges.set("open", { ...open, ...rows.open });
  return {
    integrity: rows.integrity ?? "ok",
    challenges,
    users: new Set(rows.users ?? ["ada"]),
    contacts: new Map(Object.entries(rows.contacts?.(world) ?? { [ada.email]: "ada" })),
    sessions: new Map(Object.entries(rows.sessions ?? { live })),
    redemptions: rows.redemptions ?? [{ challengeId: "second", sessionId: "live" }],
    outbox: rows.outbox ?? [],
    misplaced: rows.misplaced ?? [],
  };
}

const live = { userId: "ada", generation: 0 };

it("a world in which every promise was kept has no violation", () => {
  const world = goodWorld();
  expect(checkAnswers(world.people)).toEqual([]);
  expect(checkSnapshot(world.people, snapshotOf(world), snapshotOf(world))).toEqual([]);
  expect(checkMails(world.people, snapshotOf(world))).toEqual([]);
});

it.each<[string, Rows, RegExp]>([
  ["a damaged database", { integrity: "row 3 missing from index" }, /integrity/],
  ["a row of two pools", { misplaced: ["contact a@example.com in another pool than its user"] }, /another pool/],
  ["a lost user", { users: [], contacts: () => ({}), sessions: {} }, /user is lost/],
  ["a lost contact", { contacts: () => ({ "other@example.com": "ada" }) }, /contact is lost/],
  ["a half-written user", { users: ["ada", "half"] }, /half without contact/],
  ["a half-deleted user", { contacts: ({ ada, eve }) => ({ [ada.email]: "ada", [eve.email]: "eve" }) }, /of no user/],
  [
    "a deletion undone",
    { users: ["ada", "eve"], contacts: ({ ada, eve }) => ({ [ada.email]: "ada", [eve.email]: "eve" }) },
    /deleted, and the user is there/,
  ],
  ["a lost session", { sessions: {} }, /session live is lost/],
  ["a revocation undone", { sessions: { live, ended: live } }, /ended was revoked/],
  ["a session nobody was given", { sessions: { live, secret: live } }, /2 sessions, of which callers know 1/],
  ["a session of no user", { sessions: { live, stray: { userId: "nobody", generation: 0 } } }, /stray of no user/],
  ["a rotation undone or made up", { sessions: { live: { userId: "ada", generation: 1 } } }, /generation 1, not 0/],
  ["a lost challenge", { open: null }, /open was promised and is not stored/],
  ["attempts that fell", { second: { attempts: 1 } }, /attempts fell from 2 to 1/],
  ["guesses that were not counted", { open: { attempts: 0 } }, /0 attempts, not 1 to 3/],
  ["more attempts than were made", { open: { attempts: 4 } }, /4 attempts, not 1 to 3/],
  ["more attempts than allowed", { open: { attempts: 6 } }, /6 attempts/],
  ["a send that was not counted", { open: { sends: 1 } }, /sends fell/],
  ["a redemption undone", { second: { consumed: false } }, /not consumed/],
  ["a code kept after its use", { second: { hasSealedCode: true } }, /sealed code still there/],
  [
    "a challenge that bought twice",
    {
      redemptions: [
        { challengeId: "second", sessionId: "live" },
        { challengeId: "second", sessionId: "other" },
      ],
    },
    /bought two sessions/,
  ],
  ["a redemption remembered wrong", { redemptions: [{ challengeId: "second", sessionId: "x" }] }, /another session/],
  [
    "a message without challenge",
    { outbox: [{ outboxId: 1, challengeId: "missing", tries: 0, dueAt: 0 }] },
    /message of no challenge missing/,
  ],
])("%s is found in the database", (_, rows, expected) => {
  const world = goodWorld();
  expect(checkSnapshot(world.people, snapshotOf(world, rows), snapshotOf(world)).join("\n")).toMatch(expected);
});

it.each<[string, Call, RegExp]>([
  ["a code that buys twice", signIn([30, 31], "third", { challenge: "second", user: "ada" }), /single-use: .*bought 2 times/],
  ["a session that works after its end", used([30, 31], "ended"), /revocation-final/],
  ["a session that ended for no reason", notUsed([30, 31], "live"), /one-order/],
  ["a token that is not the successor", refreshed([30, 31], "live", 0, { gives: 2 }), /one-successor/],
])("%s is found in the answers", (_, call, expected) => {
  expect(checkAnswers(goodWorld([call]).people).join("\n")).toMatch(expected);
});

it.each<[string, (world: World) => void, RegExp]>([
  ["a code that was never mailed", ({ people }) => void people.mails.splice(2, 2), /open .* mailed 0 times, promised 2/],
  ["a resend that was never mailed", ({ people }) => void people.mails.splice(3, 1), /mailed 1 times, promised 2/],
  ["a copy too many", ({ people, ada }) => people.receiveMail(ada.email, "333333"), /mailed 3 times, at most 2/],
  ["a mail to a stranger", ({ people }) => people.receiveMail("mallory@example.com", "3"), /mallory.* no challenge/],
  ["a code of no challenge", ({ people, ada }) => people.receiveMail(ada.email, "999999"), /4 codes for 3 challenges/],
])("%s is found", (_, plant, expected) => {
  const world = goodWorld();
  plant(world);
  expect(checkMails(world.people, snapshotOf(world)).join("\n")).toMatch(expected);
});

it("a copy that a crash explains is none too many", () => {
  const world = goodWorld();
  const outbox = [{ outboxId: 7, challengeId: "open", tries: 1, dueAt: 0 }];
  noteBrokenSends(world.people, snapshotOf(world, { outbox }));
  world.people.receiveMail(world.ada.email, "333333");
  expect(checkMails(world.people, snapshotOf(world))).toEqual([]);
});
