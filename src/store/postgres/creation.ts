import type { CreateOutcome, TakenField, Users } from "../port/users.js";
import { withRanks } from "../rules/contact-ranks.js";
import type { Database, Statement } from "./database.js";
import { functionName } from "./functions/set.js";
import { membersByIds } from "./member-reads.js";
import { membershipParameter, newUserParameter } from "./parameters.js";
import { type MemberRow, toMember } from "./rows.js";

const create: Statement = {
  name: "create_members",
  text: `SELECT r.outcome, r.user_id, r.field FROM ${functionName("create_members")}($1, $2, $3, $4) r ORDER BY r.nth`,
};

const endUnseenClaims: Statement = {
  name: "end_unseen_claims",
  text: `SELECT ${functionName("end_unseen_claims")}($1, $2, $3)`,
};

const skipNumbers: Statement = {
  name: "skip_numbers",
  text: `SELECT ${functionName("keep_numbers_above")}($1)`,
};

interface CreatedRow {
  outcome: CreateOutcome["kind"];
  user_id: string;
  field: TakenField;
}

export function createCreation(db: Database): Pick<Users, "create" | "skipNumbers"> {
  return {
    async create({ poolId, appId, members, now }) {
      if (members.length === 0) return [];
      const given = members.map(({ user, contacts, membership }, nth) => ({
        nth,
        ...newUserParameter(user),
        number: user.number,
        contacts: withRanks(contacts).map(({ kind, value, verifiedAt, rank }) => ({
          kind,
          value,
          verified_at: verifiedAt,
          rank,
        })),
        membership: membershipParameter(membership),
      }));
      // Calls for one contact wait for each other here and not in the database, where they would conflict.
      const crowded = members.length === 1 ? (members[0]!.contacts[0]?.value ?? appId) : appId;
      const outcomes = await db.transaction(async (rows) => {
        const created = await rows<CreatedRow>(create, [poolId, appId, JSON.stringify(given), now]);
        const ids = created.filter(({ outcome }) => outcome === "created" || outcome === "joined").map((row) => row.user_id);
        const found = ids.length === 0 ? [] : await rows<MemberRow>(membersByIds, [appId, ids]);
        const byId = new Map(found.map((row) => [row.user_id, row]));
        return created.map((row): CreateOutcome => {
          if (row.outcome === "taken") return { kind: row.outcome, field: row.field };
          if (row.outcome === "already_member") return { kind: row.outcome, userId: row.user_id };
          return { kind: row.outcome, member: toMember(byId.get(row.user_id)!) };
        });
      }, crowded);
      const proven = given.flatMap(({ nth, contacts }) =>
        outcomes[nth]!.kind === "created" ? contacts.filter((contact) => contact.verified_at !== null) : [],
      );
      if (proven.length > 0) await db.rows(endUnseenClaims, [poolId, appId, JSON.stringify(proven)]);
      return outcomes;
    },

    async skipNumbers({ upTo }) {
      await db.rows(skipNumbers, [upTo]);
    },
  };
}
