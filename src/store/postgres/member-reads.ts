import type { MemberKey, MemberState } from "../../model/user.js";
import type { MemberQuery, Users } from "../port/users.js";
import { firstValue } from "../rules/first-value.js";
import { membershipColumns, userColumns } from "../shared/person-rows.js";
import { escapeNul } from "../shared/texts.js";
import type { Database, Statement } from "./database.js";
import { contactsOf, isNoTestClaim } from "./functions/person-rows.js";
import { functionName } from "./functions/set.js";
import { type FoundRow, type MemberRow, toFound, toMember } from "./rows.js";

// OFFSET 0 keeps the planner from joining whole tables when statistics are old.
const memberColumns = `${userColumns("u")}, ${membershipColumns}, ${contactsOf("u.user_id", "$1")} AS contacts`;
const userOf = (
  id: string,
) => `CROSS JOIN LATERAL (SELECT u.user_id, u.number, u.username, u.display_name, u.locale, u.custom_attributes,
      u.created_at FROM users u WHERE u.user_id = ${id} OFFSET 0) u`;
const membershipOf = (id: string, join: string) => `${join} JOIN LATERAL (SELECT ${membershipColumns}, m.number
      FROM memberships m WHERE m.app_id = $1 AND m.user_id = ${id} OFFSET 0) m ON true`;

/** Reads members of the app $1 by the ids $2. */
export const membersByIds: Statement = {
  name: "members_by_ids",
  text: `SELECT ${memberColumns} FROM unnest($2::text[]) AS i (id) ${userOf("i.id")} ${membershipOf("i.id", "INNER")}`,
};

/** SQL for the id of the person with the key $3, of the pool $2. */
const idOf: Readonly<Record<MemberKey["kind"], string>> = {
  email: contactId("email"),
  phone: contactId("phone"),
  user_id: "$3",
  username: "(SELECT n.user_id FROM users n WHERE n.pool_id = $2 AND n.username = $3)",
  number: "(SELECT n.user_id FROM users n WHERE n.number = $3::bigint)",
  external_id: "(SELECT e.user_id FROM memberships e WHERE e.app_id = $1 AND e.external_id = $3)",
};

function contactId(kind: string): string {
  return `coalesce(
    (SELECT o.user_id FROM contacts o WHERE o.pool_id = $2 AND o.kind = '${kind}' AND o.value = $3),
    (SELECT k.user_id FROM claims k WHERE k.app_id = $1 AND k.kind = '${kind}' AND k.value = $3
      AND ${isNoTestClaim("k")} ORDER BY k.created_at, k.user_id LIMIT 1))`;
}

function find(kind: MemberKey["kind"]): Statement {
  return {
    name: `find_member_by_${kind}`,
    text: `SELECT ${memberColumns} FROM users u ${membershipOf("u.user_id", "LEFT")}
      WHERE u.user_id = ${idOf[kind]} AND u.pool_id = $2`,
  };
}

const findTestHolder: Statement = {
  name: "find_test_holder",
  text: `SELECT h.is_real, h.holder_id, h.holder_state, (SELECT u.locale FROM users u WHERE u.user_id = h.holder_id) AS locale
    FROM ${functionName("test_holder")}($1, $2, $3, $4) h`,
};

interface TestHolderRow {
  is_real: boolean;
  holder_id: string | null;
  holder_state: MemberState;
  locale: string;
}

const list: Statement = {
  name: "list_members",
  text: `SELECT ${memberColumns} FROM (
      SELECT m.user_id AS id, m.number AS place FROM memberships m WHERE m.app_id = $1 AND m.number > $2 ORDER BY m.number LIMIT $3
    ) AS page ${userOf("page.id")} ${membershipOf("page.id", "INNER")} ORDER BY page.place`,
};

/** How many values a page with a prefix looks at: those of people who are no members count too. */
const scannedMax = 1_000;

/** SQL for the values from $3 to $4 with their people, from $5 and $6 on. */
const scans = {
  username: `SELECT n.username AS value, n.user_id AS id FROM users n
    WHERE n.pool_id = $2 AND n.username >= $3 AND n.username < $4 AND n.username > $5 ORDER BY n.username LIMIT ${scannedMax}`,
  email: contactScan("email"),
  phone: contactScan("phone"),
} as const;

function contactScan(kind: string): string {
  const claimsAfter = "k.value >= $3 AND k.value < $4 AND (k.value, k.user_id) > ($5, $6)";
  return `SELECT s.value, s.id FROM (
      (SELECT o.value, o.user_id AS id FROM contacts o
        WHERE o.pool_id = $2 AND o.kind = '${kind}' AND o.value >= $3 AND o.value < $4 AND (o.value, o.user_id) > ($5, $6)
        ORDER BY o.value LIMIT ${scannedMax})
      UNION
      (SELECT k.value, k.user_id FROM claims k WHERE k.app_id = $1 AND k.kind = '${kind}' AND ${claimsAfter}
        ORDER BY k.value, k.user_id LIMIT ${scannedMax})
    ) AS s ORDER BY s.value, s.id LIMIT ${scannedMax}`;
}

function listByPrefix(field: keyof typeof scans): Statement {
  return {
    name: `list_members_by_${field}`,
    text: `WITH scanned AS MATERIALIZED (${scans[field]}),
      page AS MATERIALIZED (
        SELECT s.value AS place, s.id, ${membershipColumns} FROM scanned s ${membershipOf("s.id", "INNER")}
        ORDER BY s.value, s.id LIMIT ${field === "username" ? "$6" : "$7"}
      ), members AS (
        SELECT m.place, ${memberColumns} FROM page m ${userOf("m.id")}
      )
      SELECT t.scanned, t.last, members.* FROM (
        SELECT count(*) AS scanned, (array_agg(jsonb_build_array(value, id) ORDER BY value DESC, id DESC))[1] AS last FROM scanned
      ) AS t LEFT JOIN members ON true ORDER BY members.place, members.user_id`,
  };
}

const finds = mapped(Object.keys(idOf) as MemberKey["kind"][], find);
const lists = mapped(["username", "email", "phone"], listByPrefix);

interface PrefixRow extends Partial<MemberRow> {
  scanned: number;
  last: [value: string, userId: string] | null;
  place: string;
}

export function createMemberReads(db: Database): Pick<Users, "find" | "findTestHolder" | "list"> {
  return {
    async find({ poolId, appId, key: { kind, value } }) {
      const given = kind === "external_id" ? escapeNul(value) : String(value);
      const [row] = await db.rows<FoundRow>(finds[kind], [appId, poolId, given]);
      return row === undefined ? null : toFound(row);
    },
    async findTestHolder({ poolId, appId, contact: { kind, value } }) {
      const [row] = await db.rows<TestHolderRow>(findTestHolder, [poolId, appId, kind, value]);
      const { is_real: isReal, holder_id: userId, holder_state: state, locale } = row!;
      if (isReal) return { kind: "real" };
      return userId === null ? { kind: "none" } : { kind: "test", userId, state, locale };
    },
    list: (query) => (query.prefix === null ? listAll(db, query) : listWithPrefix(db, query, query.prefix)),
  };
}

async function listAll(db: Database, { appId, after, limit }: MemberQuery): ReturnType<Users["list"]> {
  const rows = await db.rows<MemberRow>(list, [appId, after === "" ? 0 : Number(after), limit + 1]);
  const page = rows.slice(0, limit);
  return { members: page.map(toMember), next: rows.length > limit ? String(page.at(-1)!.number) : null };
}

async function listWithPrefix(
  db: Database,
  { poolId, appId, after, limit }: MemberQuery,
  { field, text }: NonNullable<MemberQuery["prefix"]>,
): ReturnType<Users["list"]> {
  const [value, userId] = after === "" ? ["", ""] : (JSON.parse(after) as [string, string]);
  // The last character of Unicode is in no canonical form.
  const range = [text, `${text}\u{10ffff}`, value, ...(field === "username" ? [] : [userId])];
  const rows = await db.rows<PrefixRow>(lists[field], [appId, poolId, ...range, limit + 1]);
  const { scanned, last } = rows[0]!;
  const found = rows.filter((row): row is PrefixRow & MemberRow => row.user_id !== null);
  const page = found.slice(0, limit);
  const members = page.map((row) => ({ place: row.place, member: toMember(row) }));
  const end = found.length > limit ? [page.at(-1)!.place, page.at(-1)!.user_id] : scanned === scannedMax ? last : null;
  // A person with several such contacts is listed by the first.
  const listed = members.filter(({ place, member }) => place === firstValue(member, { field, text }));
  return { members: listed.map(({ member }) => member), next: end && JSON.stringify(end) };
}

function mapped<K extends string>(keys: readonly K[], make: (key: K) => Statement): Readonly<Record<K, Statement>> {
  return Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<K, Statement>;
}
