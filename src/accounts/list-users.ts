import type { Actor } from "../apps/actor.js";
import type { Page, PageRequest } from "../apps/page.js";
import { invalidField } from "../auth/errors.js";
import type { App } from "../model/app.js";
import { canonicalContact } from "../model/identifier.js";
import type { Member } from "../model/user.js";
import { isViolation } from "../model/violation.js";
import type { MemberQuery } from "../store/port/users.js";
import { type AccountsDeps, appFor } from "./deps.js";
import { pageTokenOf, placeIn } from "./page-token.js";

export interface ListUsersInput extends PageRequest {
  /** Empty: the app of the actor. */
  readonly appId: string;
  /** The beginning of a value, as the caller wrote it. Null: all users. */
  readonly filter: MemberQuery["prefix"];
}

const sizeDefault = 50;

/** Answers may be 256 KiB large. Users become at most a third longer there. */
const charactersMax = 128 * 1024;

/**
 * Lists the users of an app, in the order of their numbers or, with a filter, of the filtered values. A page has fewer users than
 * asked for, although others follow, if they are too large for one answer or `scansMax` is reached; it may then be empty. Throws
 * REQUEST_INVALID for a page token that is not one of the same list.
 */
export async function listUsers(deps: AccountsDeps, actor: Actor, input: ListUsersInput): Promise<Page<Member>> {
  const app = await appFor(deps, actor, input.appId);
  const { poolId, appId } = app;
  const prefix = canonicalPrefix(app, input.filter);
  const owner = { by: actor.name, appId, filter: JSON.stringify(prefix) };
  const after = placeIn(deps, owner, input.pageToken);
  const query = { poolId, appId, prefix, after, limit: input.pageSize === 0 ? sizeDefault : input.pageSize };
  const { members, next } = await listFitting(deps, query);
  return { items: members, nextPageToken: pageTokenOf(deps, owner, next) };
}

/** Reads a page again with fewer users if they are too large for one answer. */
async function listFitting(deps: AccountsDeps, query: MemberQuery): ReturnType<AccountsDeps["store"]["users"]["list"]> {
  const page = await fullPage(deps, query);
  let characters = 0;
  let count = 0;
  for (const member of page.members) {
    characters += JSON.stringify(member).length;
    if (count > 0 && characters > charactersMax) return await fullPage(deps, { ...query, limit: count });
    count += 1;
  }
  return page;
}

/**
 * How often one call reads on for a full page. One read looks at 500 or 1,000 people of the pool that have the prefix, most of whom
 * may be users of other apps alone.
 */
const scansMax = 10;

async function fullPage(deps: AccountsDeps, query: MemberQuery): ReturnType<AccountsDeps["store"]["users"]["list"]> {
  const members: Member[] = [];
  let next: string | null = query.after;
  for (let scan = 0; scan < scansMax && next !== null && members.length < query.limit; scan += 1) {
    const page = await deps.store.users.list({ ...query, after: next, limit: query.limit - members.length });
    members.push(...page.members);
    next = page.next;
  }
  return { members, next };
}

/** Prefixes are compared with canonical forms. A whole e-mail address may have a domain of non-ASCII letters. */
function canonicalPrefix({ policy }: App, filter: MemberQuery["prefix"]): MemberQuery["prefix"] {
  if (filter === null) return null;
  const { field, text } = filter;
  if (field !== "username") {
    const whole = canonicalContact(policy, field, text);
    if (!isViolation(whole)) return { field, text: whole.value };
  }
  const prefix = field === "phone" ? text.trim().replace(/[ ().-]/g, "") : text.trim().toLowerCase();
  const form = field === "phone" ? /^\+[0-9]*$/ : /^[\x21-\x7e]+$/;
  if (form.test(prefix)) return { field, text: prefix };
  throw invalidField(`filter.${field}`, problems[field]);
}

const problems = {
  email: "must be the beginning of an e-mail address, in ASCII unless it is a whole address",
  phone: "must be the beginning of a phone number in international form, such as +4670",
  username: "must be the beginning of a username",
} as const;
