import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../../model/time.js";
import type { MemberState } from "../../../model/user.js";
import type { Store } from "../../port/store.js";
import type { ChangeOutcome, TakenField } from "../../port/users.js";
import type { Sessions } from "../sessions.js";
import type { Writer } from "../writer.js";
import { createMemberCreation } from "./create.js";
import { createList } from "./list.js";
import type { People } from "./people.js";

type Operations = Store["users"];
type MemberOf = { readonly appId: string; readonly userId: string };

export function createUserOperations(
  db: Database,
  { writer, people, sessions }: { readonly writer: Writer; readonly people: People; readonly sessions: Sessions },
): Operations {
  const { lookups, changes, contacts, challenges, messages } = people;
  const list = createList(db);
  const create = createMemberCreation(db, { lookups, changes });
  const poolOf = db
    .prepare<MemberOf, string>(
      `SELECT u.pool_id FROM memberships m JOIN users u ON u.user_id = m.user_id WHERE m.app_id = @appId AND m.user_id = @userId`,
    )
    .pluck();
  const updateUser = db.prepare<[string | null, string, string, string, string]>(
    "UPDATE users SET username = ?, display_name = ?, locale = ?, custom_attributes = ? WHERE user_id = ?",
  );
  const updateMembership = db.prepare<[string, string, string, string | null, string, string, string]>(`
    UPDATE memberships SET roles = ?, kind = ?, owner_organization = ?, external_id = ?, app_attributes = ?
    WHERE app_id = ? AND user_id = ?`);
  const setState = db.prepare<[MemberState, string, string]>(
    "UPDATE memberships SET state = ? WHERE app_id = ? AND user_id = ?",
  );
  /** SQLite has no row in this table before the first insertion. */
  const addCounter = db.prepare<[]>(
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'users', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'users')",
  );
  const moveCounter = db.prepare<{ upTo: number }>(
    "UPDATE sqlite_sequence SET seq = @upTo WHERE name = 'users' AND seq < @upTo",
  );
  const memberships = db.prepare<[string], number>("SELECT count(*) FROM memberships WHERE user_id = ?").pluck();

  /** Runs a change of a member in a transaction. `change` returns null if it was made, otherwise the outcome. */
  function changing({ appId, userId }: MemberOf, change: (poolId: string) => ChangeOutcome | null): Promise<ChangeOutcome> {
    return writer.write(() => {
      const poolId = poolOf.get({ appId, userId });
      if (poolId === undefined) return { kind: "no_member" };
      return change(poolId) ?? { kind: "changed", member: lookups.member(userId, appId)! };
    });
  }

  function erase(of: { readonly userId: string; readonly now: EpochMs }): boolean {
    sessions.removeAllOf({ userId: of.userId, appId: null });
    messages.ofUser(of.userId);
    challenges.erase(of);
    return changes.remove(of.userId);
  }

  function takenBy(userId: string, of: Parameters<typeof lookups.named>[0], field: TakenField): ChangeOutcome | null {
    const found = lookups.named(of);
    return found === null || found.user.userId === userId ? null : { kind: "taken", field };
  }

  return {
    find: (query) => writer.readTogether(() => lookups.named(query)),
    findTestHolder: (query) => writer.readTogether(() => lookups.testHolder(query)),
    list: (query) => writer.readTogether(() => list(query)),
    create: ({ poolId, appId, members, now }) =>
      writer.write(() => members.map((member) => create(member, { poolId, appId, now }))),

    skipNumbers: ({ upTo }) =>
      writer.write(() => {
        addCounter.run();
        moveCounter.run({ upTo });
      }),

    update: ({ userId, appId, ...fields }) =>
      writer.write(() => {
        const user = lookups.find(userId, appId);
        if (user === null) return null;
        const { username, displayName, locale, customAttributes } = { ...user, ...given(fields) };
        updateUser.run(username, displayName, locale, customAttributes, userId);
        return lookups.find(userId, appId);
      }),

    updateMember: ({ appId, userId, ...fields }) =>
      changing({ appId, userId }, (poolId) => {
        const { user, membership } = lookups.member(userId, appId)!;
        const after = { ...user, ...membership, ...given(fields) };
        const { username, externalId } = after;
        const taken =
          (username && takenBy(userId, { poolId, appId, key: { kind: "username", value: username } }, "username")) ||
          (externalId && takenBy(userId, { poolId, appId, key: { kind: "external_id", value: externalId } }, "external_id"));
        if (taken) return taken;
        updateUser.run(username, after.displayName, after.locale, after.customAttributes, userId);
        const roles = JSON.stringify(after.roles);
        updateMembership.run(roles, after.kind, after.ownerOrganization, externalId, after.appAttributes, appId, userId);
        return null;
      }),

    setLock: ({ appId, userId, locked }) =>
      changing({ appId, userId }, () => {
        const member = lookups.member(userId, appId)!;
        if (locked) {
          sessions.removeAllOf({ userId, appId });
          challenges.endIn({ userId, appId });
        }
        if (locked === (member.membership.state === "locked")) return { kind: "unchanged", member };
        setState.run(locked ? "locked" : "active", appId, userId);
        return null;
      }),

    addContact: ({ appId, userId, contact, primary, now }) =>
      changing({ appId, userId }, (poolId) =>
        refusalOf(contacts.add({ poolId, appId, userId }, { contact, primary, now }), contact.kind),
      ),

    removeContact: ({ appId, userId, contact, notice = null, now }) =>
      changing({ appId, userId }, (poolId) =>
        refusalOf(contacts.remove({ poolId, appId, userId }, { contact, notice, now }), contact.kind),
      ),

    leave: ({ appId, userId, now }) =>
      writer.write(() => {
        if (poolOf.get({ appId, userId }) === undefined) return null;
        if (memberships.get(userId) === 1) {
          erase({ userId, now });
          return "erased";
        }
        sessions.removeAllOf({ userId, appId });
        challenges.endIn({ userId, appId });
        changes.endMembership({ userId, appId });
        return "left";
      }),

    erase: ({ userId, now }) => writer.write(() => erase({ userId, now })),
  };
}

/** Leaves out the fields that are not given. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

function refusalOf(
  kind: "taken" | "too_many_contacts" | "last_contact" | "no_contact" | null,
  field: TakenField,
): ChangeOutcome | null {
  if (kind === null) return null;
  return kind === "taken" ? { kind, field } : { kind };
}
