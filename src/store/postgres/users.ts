import type { User } from "../../model/user.js";
import type { ChangeOutcome, TakenField, Users } from "../port/users.js";
import { userColumns } from "../shared/person-rows.js";
import { escapeNul } from "../shared/texts.js";
import { createCreation } from "./creation.js";
import type { Database, Statement } from "./database.js";
import { functionName } from "./functions/set.js";
import { createMemberReads } from "./member-reads.js";
import { noticeParameter } from "./parameters.js";
import { type MemberRow, toMember, toUser, type UserRow } from "./rows.js";

const contacts = `${functionName("contacts_of")}(u.user_id, $2) AS contacts`;
const update: Statement = {
  name: "update_user",
  text: `UPDATE users u SET display_name = coalesce($3, u.display_name), locale = coalesce($4, u.locale),
      custom_attributes = coalesce($5, u.custom_attributes)
    WHERE u.user_id = $1 RETURNING ${userColumns("u")}, ${contacts}`,
};
const find: Statement = {
  name: "find_user",
  text: `SELECT ${userColumns("u")}, ${contacts} FROM users u WHERE u.user_id = $1`,
};
const updateMember: Statement = {
  name: "update_member",
  text: `SELECT r.outcome, r.field, r.member FROM ${functionName("update_member")}($1, $2, $3) r`,
};
const setLock: Statement = {
  name: "set_lock",
  text: `SELECT r.outcome, r.member FROM ${functionName("set_lock")}($1, $2, $3, $4) r`,
};
const addContact: Statement = {
  name: "add_contact",
  text: `SELECT r.outcome, r.field, r.member FROM ${functionName("add_contact")}($1, $2, $3, $4, $5, $6, $7) r`,
};
const removeContact: Statement = {
  name: "remove_contact",
  text: `SELECT r.outcome, r.member FROM ${functionName("remove_contact")}($1, $2, $3, $4, $5, $6) r`,
};
const leave: Statement = { name: "leave_app", text: `SELECT ${functionName("leave_app")}($1, $2, $3) AS left` };
const erase: Statement = { name: "erase_person", text: `SELECT ${functionName("erase_person")}($1, $2) AS erased` };

interface ChangeRow {
  outcome: ChangeOutcome["kind"];
  field: TakenField;
  member: MemberRow;
}

export function createUsers(db: Database): Users {
  async function changed(statement: Statement, values: readonly unknown[], userId: string): Promise<ChangeOutcome> {
    const [row] = await db.rows<ChangeRow>(statement, values, userId);
    const { outcome: kind, field, member } = row!;
    if (kind === "changed" || kind === "unchanged") return { kind, member: toMember(member) };
    return kind === "taken" ? { kind, field } : { kind };
  }

  return {
    ...createMemberReads(db),
    ...createCreation(db),

    async update({ userId, appId, displayName, locale, customAttributes }) {
      const name = displayName === undefined ? null : escapeNul(displayName);
      const values = [userId, appId, name, locale ?? null, customAttributes ?? null];
      const [row] = await db.rows<UserRow>(update, values, userId);
      return row === undefined ? null : toUser(row);
    },

    updateMember({ appId, userId, ...fields }) {
      const { username, displayName, locale, customAttributes, roles, kind, ownerOrganization, externalId, appAttributes } =
        fields;
      const given = {
        username,
        display_name: escaped(displayName),
        locale,
        custom_attributes: customAttributes,
        roles: roles && JSON.stringify(roles),
        kind: escaped(kind),
        owner_organization: escaped(ownerOrganization),
        external_id: escaped(externalId),
        app_attributes: appAttributes,
      };
      return changed(updateMember, [appId, userId, JSON.stringify(given)], userId);
    },

    setLock: ({ appId, userId, locked, now }) => changed(setLock, [appId, userId, locked, now], userId),

    addContact({ appId, userId, contact: { kind, value, verifiedAt }, primary, now }) {
      return changed(addContact, [appId, userId, kind, value, verifiedAt, primary, now], userId);
    },

    removeContact: ({ appId, userId, contact: { kind, value }, notice = null, now }) =>
      changed(removeContact, [appId, userId, kind, value, JSON.stringify(noticeParameter(notice)), now], userId),

    async leave({ appId, userId, now }) {
      const [row] = await db.rows<{ left: Awaited<ReturnType<Users["leave"]>> }>(leave, [appId, userId, now], userId);
      return row!.left;
    },

    async erase({ userId, now }) {
      const [row] = await db.rows<{ erased: boolean }>(erase, [userId, now], userId);
      return row!.erased;
    },
  };
}

function escaped<T extends string | null | undefined>(text: T): string | T {
  return typeof text === "string" ? escapeNul(text) : text;
}

/** Returns a function that returns a user as an app sees it, or null if it does not exist. */
export function findUserIn(db: Database): (query: { userId: string; appId: string }) => Promise<User | null> {
  return async ({ userId, appId }) => {
    const [row] = await db.rows<UserRow>(find, [userId, appId]);
    return row === undefined ? null : toUser(row);
  };
}
