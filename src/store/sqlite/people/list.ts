import type { Database } from "better-sqlite3";
import type { ContactKind } from "../../../model/contact.js";
import type { Member } from "../../../model/user.js";
import type { MemberQuery } from "../../port/users.js";
import { firstValue } from "../../rules/first-value.js";
import { type MembershipRow, membershipColumns, toMembership } from "../../shared/person-rows.js";
import { toUser, type UserRow, userColumns } from "../rows.js";

type Prefix = NonNullable<MemberQuery["prefix"]>;
export type Page = { readonly members: readonly Member[]; readonly next: string | null };

/**
 * How many rows of the pool a page looks at, so that it never blocks other calls for long. A prefix finds people of all apps of
 * the pool, and most may be no members of this one.
 */
const scannedMax = 500;

/** Where a page of a prefix ended: the value, and its person, because several people can claim one contact. */
type Position = readonly [value: string, userId: string];

interface Candidate {
  value: string;
  user_id: string;
}

export function createList(db: Database): (query: MemberQuery) => Page {
  const byNumber = db.prepare<{ appId: string; after: number; limit: number }, UserRow & MembershipRow>(`
    SELECT ${userColumns("@appId")}, ${membershipColumns} FROM memberships m CROSS JOIN users u ON u.user_id = m.user_id
    WHERE m.app_id = @appId AND m.number > @after ORDER BY m.number LIMIT @limit`);
  const memberBy = db.prepare<{ appId: string; userId: string }, UserRow & MembershipRow>(`
    SELECT ${userColumns("@appId")}, ${membershipColumns} FROM memberships m JOIN users u ON u.user_id = m.user_id
    WHERE m.app_id = @appId AND m.user_id = @userId`);
  const usernames = db.prepare<Range & { poolId: string }, Candidate>(`
    SELECT username AS value, user_id FROM users
    WHERE pool_id = @poolId AND username >= @from AND username < @end AND username > @value ORDER BY username LIMIT ${scannedMax}`);
  const contacts = db.prepare<Range & { poolId: string; kind: ContactKind }, Candidate>(`
    SELECT value, user_id FROM contacts
    WHERE pool_id = @poolId AND kind = @kind AND value >= @from AND value < @end AND (value, user_id) > (@value, @userId)
    ORDER BY value LIMIT ${scannedMax}`);
  const claims = db.prepare<Range & { appId: string; kind: ContactKind }, Candidate>(`
    SELECT value, user_id FROM claims
    WHERE app_id = @appId AND kind = @kind AND value >= @from AND value < @end AND (value, user_id) > (@value, @userId)
    ORDER BY value, user_id LIMIT ${scannedMax}`);

  /** The next people of the pool whose value begins with the prefix, at most `scannedMax`, in order. */
  function candidates({ poolId, appId }: MemberQuery, { field, text }: Prefix, [value, userId]: Position): Candidate[] {
    // SQLite begins at `from`, so a later page does not read the earlier ones again. Values are ASCII, so `end` is behind every
    // one that begins with the text.
    const range = { from: value === "" ? text : value, end: `${text}\u{10ffff}`, value, userId };
    if (field === "username") return usernames.all({ poolId, from: range.from, end: range.end, value, userId });
    const found = [...contacts.all({ poolId, kind: field, ...range }), ...claims.all({ appId, kind: field, ...range })];
    return found.sort(inOrder).slice(0, scannedMax);
  }

  function byPrefix(query: MemberQuery, prefix: Prefix): Page {
    const after: Position = query.after === "" ? ["", ""] : (JSON.parse(query.after) as Position);
    const found = candidates(query, prefix, after);
    const members: Member[] = [];
    let end: Position = after;
    for (const { value, user_id: userId } of found) {
      const row = memberBy.get({ appId: query.appId, userId });
      if (row === undefined) continue;
      const member = toMember(row);
      // A person with several such contacts is listed by the first.
      if (value !== firstValue(member, prefix)) continue;
      if (members.length === query.limit) return { members, next: JSON.stringify(end) };
      members.push(member);
      end = [value, userId];
    }
    const last = found.at(-1);
    const ended = found.length < scannedMax || last === undefined;
    return { members, next: ended ? null : JSON.stringify([last.value, last.user_id] satisfies Position) };
  }

  return (query) => {
    if (query.prefix !== null) return byPrefix(query, query.prefix);
    const { appId, limit } = query;
    const rows = byNumber.all({ appId, after: query.after === "" ? -1 : Number(query.after), limit: limit + 1 });
    const members = rows.slice(0, limit).map(toMember);
    return { members, next: rows.length > limit ? String(members.at(-1)!.user.number) : null };
  };
}

interface Range {
  readonly from: string;
  readonly end: string;
  readonly value: string;
  readonly userId: string;
}

function toMember(row: UserRow & MembershipRow): Member {
  return { user: toUser(row), membership: toMembership(row) };
}

function inOrder(a: Candidate, b: Candidate): number {
  if (a.value !== b.value) return a.value < b.value ? -1 : 1;
  return a.user_id < b.user_id ? -1 : 1;
}
