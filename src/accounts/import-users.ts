import type { Actor } from "../apps/actor.js";
import { invalidField } from "../auth/errors.js";
import type { App } from "../model/app.js";
import type { Member, MemberKey, MemberState } from "../model/user.js";
import type { FieldViolation } from "../model/violation.js";
import { StoreBusyError } from "../store/port/errors.js";
import type { CreateOutcome, FoundUser, NewMember, TakenField } from "../store/port/users.js";
import { type AccountsDeps, appFor, record, requireScope } from "./deps.js";
import { checkNewMember, type NewMemberFields } from "./member-fields.js";

/** How many users one call takes. */
export const importMax = 500;

/** A user to import, as written in the source. `verifiedAt` of a contact is what the source says. */
export interface ImportedUser extends NewMemberFields {
  /** Undefined: `active`. */
  readonly state?: MemberState | undefined;
}

export type ImportOutcome =
  | { readonly kind: "created" | "joined"; readonly member: Member }
  /** A dry run: what an import would do now. `created` and `joined` have no member. */
  | { readonly kind: "would_create" | "would_join" }
  | { readonly kind: "already_member"; readonly userId: string }
  | { readonly kind: "taken"; readonly field: TakenField }
  | { readonly kind: "invalid"; readonly violations: readonly FieldViolation[] };

export interface ImportUsersInput {
  readonly appId: string;
  /** At most `importMax`. */
  readonly members: readonly ImportedUser[];
  /** Changes nothing. The outcome of each user is as if no other of the call were imported. */
  readonly dryRun?: boolean;
}

/**
 * Imports users into an app, each as CreateUser would. It takes one transaction, or several smaller ones where others change the same
 * data. Returns the outcome of each, in the order of the users; one that is refused changes nothing and stops no other. A repeat is
 * safe: those who were imported are `already_member`. Throws SCOPE_MISSING for an actor who is no operator, because an import gives
 * ids, numbers and verified contacts.
 */
export async function importUsers(
  deps: AccountsDeps,
  actor: Actor,
  { appId, members, dryRun = false }: ImportUsersInput,
): Promise<readonly ImportOutcome[]> {
  requireScope(actor, "operator");
  const app = await appFor(deps, actor, appId);
  if (members.length > importMax) {
    throw invalidField("members", `must have at most ${importMax} items`);
  }
  const checked = members.map((member) => checkNewMember(app, member, member.state ?? "active"));
  const good = checked.flatMap((one) => (one.kind === "good" ? [one.value] : []));
  const outcomes = dryRun ? await foresee(deps, app, good) : await create(deps, actor, { app, members: good });
  const next = outcomes[Symbol.iterator]();
  return checked.map((one) =>
    one.kind === "bad" ? { kind: "invalid", violations: one.violations } : (next.next().value as ImportOutcome),
  );
}

/**
 * Users who are created from now on get numbers above this one. Otherwise a user who registers between two calls of one import could
 * get the number of a later line. Throws SCOPE_MISSING for an actor who is no operator.
 */
export async function skipNumbers(deps: AccountsDeps, actor: Actor, { upTo }: { readonly upTo: number }): Promise<void> {
  requireScope(actor, "operator");
  await deps.store.users.skipNumbers({ upTo });
}

async function create(
  deps: AccountsDeps,
  actor: Actor,
  { app, members }: { readonly app: App; readonly members: readonly NewMember[] },
): Promise<readonly CreateOutcome[]> {
  const outcomes = members.length === 0 ? [] : await createTogether(deps, app, members);
  recordImport(deps, actor, { app, outcomes });
  return outcomes;
}

/**
 * Creates members in one transaction, or in smaller ones where others change the same data: a large one could lose to sign-ups for
 * as long as they come.
 */
async function createTogether(deps: AccountsDeps, app: App, members: readonly NewMember[]): Promise<readonly CreateOutcome[]> {
  const { poolId, appId } = app;
  try {
    return await deps.store.users.create({ poolId, appId, members, now: deps.clock() });
  } catch (error) {
    if (!(error instanceof StoreBusyError) || members.length === 1) throw error;
    const half = Math.ceil(members.length / 2);
    const first = await createTogether(deps, app, members.slice(0, half));
    return [...first, ...(await createTogether(deps, app, members.slice(half)))];
  }
}

/** One line for each call, because an import can have millions of users. */
function recordImport(
  deps: AccountsDeps,
  actor: Actor,
  { app, outcomes }: { readonly app: App; readonly outcomes: readonly CreateOutcome[] },
): void {
  for (const kind of ["created", "joined"] as const) {
    const users = outcomes.flatMap((outcome) => (outcome.kind === kind ? [outcome.member.user.number] : []));
    if (users.length > 0) record(deps, actor, { act: "user.import", app, user: rangesOf(users), outcome: kind });
  }
}

/** Writes 7, 8, 9, 12 as `7-9,12`. */
function rangesOf(numbers: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range !== undefined && number === range[1] + 1) range[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(",");
}

async function foresee(deps: AccountsDeps, app: App, members: readonly NewMember[]): Promise<readonly ImportOutcome[]> {
  const outcomes: ImportOutcome[] = [];
  for (const member of members) outcomes.push(await foreseeOne(deps, app, member));
  return outcomes;
}

/** Finds the people that the values of a new member belong to. */
async function foreseeOne(
  deps: AccountsDeps,
  { poolId, appId }: App,
  { user, contacts, membership }: NewMember,
): Promise<ImportOutcome> {
  const find = (key: MemberKey) => deps.store.users.find({ poolId, appId, key });
  let person = await find({ kind: "user_id", value: user.userId });
  const proven = contacts.filter(({ verifiedAt }) => verifiedAt !== null);
  for (const contact of [...proven, ...contacts.filter(({ verifiedAt }) => verifiedAt === null)]) {
    const holder = await find(contact);
    if (holder === null) continue;
    const isProven = contact.verifiedAt !== null;
    const isClaimOfMember = holder.membership !== null && (isProven ? !hasVerified(holder) : proven.length === 0);
    if (!isVerified(holder.user.contacts, contact) && !isClaimOfMember) continue;
    const isAnother = person === null ? !isProven && proven.length > 0 : person.user.userId !== holder.user.userId;
    if (isAnother) return { kind: "taken", field: contact.kind };
    person = holder;
  }
  if (person?.membership) return { kind: "already_member", userId: person.user.userId };
  const others: readonly (readonly [TakenField, MemberKey | null])[] = [
    ["number", user.number === null || person !== null ? null : { kind: "number", value: user.number }],
    ["username", user.username === null || person !== null ? null : { kind: "username", value: user.username }],
    ["external_id", membership.externalId === null ? null : { kind: "external_id", value: membership.externalId }],
  ];
  for (const [field, key] of others) if (key !== null && (await find(key)) !== null) return { kind: "taken", field };
  return { kind: person === null ? "would_create" : "would_join" };
}

function hasVerified({ user }: FoundUser): boolean {
  return user.contacts.some(({ verifiedAt }) => verifiedAt !== null);
}

function isVerified(
  contacts: NewMember["contacts"],
  { kind, value }: { readonly kind: string; readonly value: string },
): boolean {
  return contacts.some((one) => one.kind === kind && one.value === value && one.verifiedAt !== null);
}
