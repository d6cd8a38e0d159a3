import { type ImportedUser, type ImportOutcome, importUsers } from "../../../accounts/import-users.js";
import type { FieldViolation } from "../../../model/violation.js";
import { distinct } from "../../violation-sentence.js";
import type { InApp } from "../with-accounts.js";
import { numberOf, type Place } from "./line.js";
import type { LineOutcome } from "./report.js";
import { type OwnValue, ownValues, type SeenValues } from "./seen.js";
import { findStrangers } from "./strangers.js";

/** A line that waits for its batch. */
export interface WaitingLine extends Place {
  readonly read: { readonly user: ImportedUser } | { readonly problem: string };
}

export interface BatchOptions {
  readonly seen: SeenValues;
  readonly dryRun: boolean;
  /** Whether a member who is there already with another id is a failure. */
  readonly keepsIds: boolean;
}

/** Imports the users of some lines as `importUsers` does. Returns the outcome of each line, in order. */
export async function importBatch(
  given: InApp,
  waiting: readonly WaitingLine[],
  { seen, dryRun, keepsIds }: BatchOptions,
): Promise<readonly LineOutcome[]> {
  const { deps, actor, app } = given;
  const members = waiting.flatMap(({ read }) => ("user" in read ? [read.user] : []));
  const outcomes = members.length === 0 ? [] : await importUsers(deps, actor, { appId: app.appId, members, dryRun });
  const strangers = keepsIds ? await findStrangers(given, members, outcomes) : new Set<ImportedUser>();
  const next = outcomes[Symbol.iterator]();
  return waiting.map(({ read, ...place }) => {
    if ("problem" in read) return { kind: "invalid", problem: read.problem };
    const earlier = seen.find(ownValues(named(read.user)));
    const outcome = lineOutcome(next.next().value as ImportOutcome, earlier && { ...earlier, unit: unitOf(place) });
    if (outcome.kind === "there_already" && strangers.has(read.user)) return stranger;
    if (!("problem" in outcome)) seen.add(ownValues(read.user), numberOf(place));
    return outcome;
  });
}

const unitOf = ({ item }: Place): string => (item === undefined ? "line" : "item");

const stranger: LineOutcome = {
  kind: "taken",
  problem: "is there already with another id, by its contacts: `latchkey user find` shows the user",
};

/** The user with the contacts that say who it is: the verified ones, if there are any. Several users may claim the others. */
function named(user: ImportedUser): ImportedUser {
  const verified = user.contacts.filter(({ verifiedAt }) => verifiedAt !== null);
  return verified.length === 0 ? user : { ...user, contacts: verified };
}

type Earlier = (NonNullable<ReturnType<SeenValues["find"]>> & { readonly unit: string }) | null;

function lineOutcome(outcome: ImportOutcome, earlier: Earlier): LineOutcome {
  switch (outcome.kind) {
    case "created":
    case "joined":
      return { kind: outcome.kind };
    case "would_create":
      return earlier === null ? { kind: "created" } : duplicateOf(earlier);
    case "would_join":
      return earlier === null ? { kind: "joined" } : duplicateOf(earlier);
    case "already_member":
      return earlier === null ? { kind: "there_already" } : duplicateOf(earlier);
    case "taken":
      return earlier === null ? { kind: "taken", problem: takenProblem(outcome.field) } : duplicateOf(earlier);
    case "invalid":
      return { kind: "invalid", problem: problemOf(outcome.violations) };
  }
}

function duplicateOf({ field, line, unit }: NonNullable<Earlier>): LineOutcome {
  return {
    kind: "duplicate",
    problem: `has the ${words[field]} of ${unit} ${line}: remove one of the two ${unit}s, or correct the ${words[field]}`,
  };
}

function takenProblem(field: OwnValue["field"]): string {
  const own = field === "email" || field === "phone" ? ", or the contacts of the line belong to two users" : "";
  return `has the ${words[field]} of another user${own}: \`latchkey user find\` shows who has it`;
}

function problemOf(violations: readonly FieldViolation[]): string {
  const texts = distinct(violations).map(({ field, description }) => `${field} ${description}`);
  return `has a wrong value: ${texts.join("; ")}`;
}

const words: Readonly<Record<OwnValue["field"], string>> = {
  user_id: "user id",
  email: "e-mail address",
  phone: "phone number",
  username: "username",
  number: "number",
  external_id: "external id",
};
