import { expect, it } from "vitest";
import { checkMails, checkSnapshot, noteBrokenSends } from "./check.js";
import { addChallenge, addSession, addUser, createLedger, type Ledger, receiveMail } from "./ledger.js";
import type { Snapshot, StoredChallenge } from "./snapshot.js";

const ada = "ada@example.com";
const eve = "eve@example.com";

/** A world in which every promise was kept: Ada has a live and an ended session and an open challenge, Eve deleted herself. */
function goodLedger(): Ledger {
  const ledger = createLedger();
  const user = addUser(ledger, ada);
  const first = addChallenge(user, { challengeId: "redeemed", resendAt: 0 });
  receiveMail(ledger, ada, "111111");
  Object.assign(first, { state: "redeemed", attempts: { min: 2, max: 2 } });
  first.sessionIds.add("live");
  addSession(user, { sessionId: "live", accessToken: "a", refreshToken: "r" });
  addSession(user, { sessionId: "ended", accessToken: "a", refreshToken: "r" });
  user.sessions[1]!.state = "ended";
  user.userId = "ada";
  const second = addChallenge(user, { challengeId: "open", resendAt: 0 });
  Object.assign(second, { attempts: { min: 1, max: 3 }, sends: { min: 2, max: 2 } });
  for (let copies = 0; copies < 2; copies += 1) receiveMail(ledger, ada, "222222");
  Object.assign(addUser(ledger, eve), { userId: "eve", deleted: true });
  return ledger;
}

const redeemed = { contact: ada, attempts: 2, sends: 1, consumed: true, cancelled: false, hasSealedCode: false };
const open = { contact: ada, attempts: 1, sends: 2, consumed: false, cancelled: false, hasSealedCode: true };

interface Rows {
  readonly integrity?: string;
  readonly redeemed?: Partial<StoredChallenge> | null;
  readonly open?: Partial<StoredChallenge> | null;
  readonly users?: readonly string[];
  readonly contacts?: Readonly<Record<string, string>>;
  readonly sessions?: Readonly<Record<string, { userId: string; generation: number }>>;
  readonly redemptions?: Snapshot["redemptions"];
  readonly outbox?: Snapshot["outbox"];
}

function snapshotOf(rows: Rows = {}): Snapshot {
  const challenges = new Map<string, StoredChallenge>();
  if (rows.redeemed !== null) challenges.set("redeemed", { ...redeemed, ...rows.redeemed });
  if (rows.open !== null) challenges.set("open", { ...open, ...rows.open });
  return {
    integrity: rows.integrity ?? "ok",
    challenges,
    users: new Set(rows.users ?? ["ada"]),
    contacts: new Map(Object.entries(rows.contacts ?? { [ada]: "ada" })),
    sessions: new Map(Object.entries(rows.sessions ?? { live: { userId: "ada", generation: 0 } })),
    redemptions: rows.redemptions ?? [{ challengeId: "redeemed", sessionId: "live" }],
    outbox: rows.outbox ?? [],
  };
}

it("a world in which every promise was kept has no violation", () => {
  expect(checkSnapshot(goodLedger(), snapshotOf(), snapshotOf())).toEqual([]);
  expect(checkMails(goodLedger(), snapshotOf())).toEqual([]);
});

const live = { userId: "ada", generation: 0 };

it.each<[string, Rows, RegExp]>([
  ["a damaged database", { integrity: "row 3 missing from index" }, /integrity/],
  ["a lost user", { users: [], contacts: {}, sessions: {} }, /user is lost/],
  ["a lost contact", { contacts: { "other@example.com": "ada" } }, /contact is lost/],
  ["a half-written user", { users: ["ada", "half"] }, /half without contact/],
  ["a half-deleted user", { contacts: { [ada]: "ada", [eve]: "eve" } }, /of no user/],
  ["a deletion undone", { users: ["ada", "eve"], contacts: { [ada]: "ada", [eve]: "eve" } }, /deleted, and the user is there/],
  ["a lost session", { sessions: {} }, /session live is lost/],
  ["a revocation undone", { sessions: { live, ended: live } }, /ended was revoked/],
  ["a session nobody was given", { sessions: { live, secret: live } }, /2 sessions, of which callers know 1/],
  ["a session of no user", { sessions: { live, stray: { userId: "nobody", generation: 0 } } }, /stray of no user/],
  ["a rotation undone or made up", { sessions: { live: { userId: "ada", generation: 1 } } }, /generation 1, not 0/],
  ["a lost challenge", { open: null }, /open (was promised and|is gone)/],
  ["attempts that fell", { redeemed: { attempts: 1 } }, /attempts fell from 2 to 1/],
  ["guesses that were not counted", { open: { attempts: 0 } }, /0 attempts, not 1 to 3/],
  ["more attempts than were made", { open: { attempts: 4 } }, /4 attempts, not 1 to 3/],
  ["more attempts than allowed", { open: { attempts: 6 } }, /6 attempts/],
  ["a send that was not counted", { open: { sends: 1 } }, /sends fell/],
  ["a redemption undone", { redeemed: { consumed: false } }, /not consumed/],
  ["a code kept after its use", { redeemed: { hasSealedCode: true } }, /sealed code still there/],
  [
    "a challenge that bought twice",
    {
      redemptions: [
        { challengeId: "redeemed", sessionId: "live" },
        { challengeId: "redeemed", sessionId: "other" },
      ],
    },
    /bought two sessions/,
  ],
  ["a redemption remembered wrong", { redemptions: [{ challengeId: "redeemed", sessionId: "x" }] }, /another session/],
  [
    "a message without challenge",
    { outbox: [{ outboxId: 1, challengeId: "gone", tries: 0, dueAt: 0 }] },
    /message of no challenge gone/,
  ],
])("%s is found", (_, rows, expected) => {
  expect(checkSnapshot(goodLedger(), snapshotOf(rows), snapshotOf()).join("\n")).toMatch(expected);
});

it("two sessions that callers were given for one challenge are found", () => {
  const ledger = goodLedger();
  ledger.users[0]!.challenges[0]!.sessionIds.add("other");
  expect(checkSnapshot(ledger, snapshotOf(), null).join("\n")).toMatch(/bought 2 sessions/);
});

it.each<[string, (ledger: Ledger) => void, Rows, RegExp]>([
  ["a code that was never mailed", (ledger) => void ledger.mails.splice(1), {}, /open .* mailed 0 times, promised 2/],
  ["a resend that was never mailed", (ledger) => void ledger.mails.splice(2), {}, /mailed 1 times, promised 2/],
  ["a copy too many", (ledger) => receiveMail(ledger, ada, "222222"), {}, /mailed 3 times, at most 2/],
  ["a mail to a stranger", (ledger) => receiveMail(ledger, "mallory@example.com", "3"), {}, /mallory.* no challenge/],
  ["a code of no challenge", (ledger) => receiveMail(ledger, ada, "333333"), {}, /3 codes for 2 challenges/],
])("%s is found", (_, plant, rows, expected) => {
  const ledger = goodLedger();
  plant(ledger);
  expect(checkMails(ledger, snapshotOf(rows)).join("\n")).toMatch(expected);
});

it("a copy that a crash explains is none too many", () => {
  const ledger = goodLedger();
  noteBrokenSends(ledger, snapshotOf({ outbox: [{ outboxId: 7, challengeId: "open", tries: 1, dueAt: 0 }] }));
  receiveMail(ledger, ada, "222222");
  expect(checkMails(ledger, snapshotOf())).toEqual([]);
});
