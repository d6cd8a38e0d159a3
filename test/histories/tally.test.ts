import { expect, it, vi } from "vitest";
import type { Call } from "./history.js";
import { history } from "./invariants/hand-written.js";
import { createTally } from "./tally.js";

const refused = (kind: Call["kind"], reason: string) => ({ kind, answer: { kind: "refused", reason } }) as Call;
const given = (kind: Call["kind"]) => ({ kind, answer: { kind: "ok", result: {} } }) as Call;

it("names what a run lacks to mean something", () => {
  const tally = createTally();
  expect(tally.missing()).toEqual([
    ...["redemptions", "mismatches", "reuses", "spent budgets", "revocations"],
    ...["locks", "departures", "contact changes", "invitations", "claims"],
  ]);
  tally.count(history([refused("refresh", "SESSION_ENDED"), refused("verify", "CODE_INVALID"), given("use")]));
  expect(tally.missing()).toHaveLength(10);
  tally.count(history([given("verify"), refused("refresh", "REFRESH_TOKEN_REUSED")], { mismatches: { c: 2 } }));
  expect(tally.missing().slice(0, 2)).toEqual(["spent budgets", "revocations"]);
  tally.count(history([refused("send", "TOO_MANY_REQUESTS"), given("revokeOthers")]));
  expect(tally.missing()).toEqual(["locks", "departures", "contact changes", "invitations", "claims"]);
  tally.count(
    history([given("lock"), given("remove"), given("proveChange"), given("invite"), refused("create", "ALREADY_EXISTS")]),
  );
  expect(tally.missing()).toEqual(["claims"]);
  tally.count(history([given("addContact")]));
  expect(tally.missing()).toEqual([]);
});

it("prints what happened, and how many searches gave up", () => {
  const print = vi.spyOn(console, "log").mockImplementation(() => {});
  const tally = createTally();
  tally.count(history([given("verify"), given("deleteUser")]));
  tally.giveUp();
  tally.finish(false);
  tally.print();
  expect(print.mock.lastCall?.[0]).toContain(
    "redemptions 1, mismatches 0, reuses 0, spent budgets 0, revocations 1, locks 0, departures 0, contact changes 0, invitations 0, claims 0; searches for an order that gave up: 1",
  );
  print.mockRestore();
});
