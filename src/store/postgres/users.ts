import type { User } from "../../model/user.js";
import type { Store } from "../port/store.js";
import { userColumns } from "../shared/rows.js";
import { escapeNul } from "../shared/texts.js";
import type { Database, Statement } from "./database.js";
import { functionName } from "./functions/set.js";
import { toUser, type UserRow } from "./rows.js";

const update: Statement = {
  name: "update_user",
  text: `UPDATE users u SET display_name = coalesce($2, u.display_name), locale = coalesce($3, u.locale),
      custom_attributes = coalesce($4, u.custom_attributes)
    WHERE u.user_id = $1 RETURNING ${userColumns("u")}, ${functionName("contacts_of")}(u.user_id) AS contacts`,
};
const find: Statement = {
  name: "find_user",
  text: `SELECT ${userColumns("u")}, ${functionName("contacts_of")}(u.user_id) AS contacts FROM users u WHERE u.user_id = $1`,
};
const remove: Statement = { name: "delete_user", text: `SELECT ${functionName("delete_user")}($1) AS deleted` };

export function createUsers(db: Database): Store["users"] {
  return {
    async update({ userId, displayName, locale, customAttributes }) {
      const name = displayName === undefined ? null : escapeNul(displayName);
      const [row] = await db.rows<UserRow>(update, [userId, name, locale ?? null, customAttributes ?? null], userId);
      return row === undefined ? null : toUser(row);
    },
    async delete({ userId }) {
      const [row] = await db.rows<{ deleted: boolean }>(remove, [userId], userId);
      return row!.deleted;
    },
  };
}

/** Returns a function that returns a user, or null if it does not exist. */
export function findUserIn(db: Database): (userId: string) => Promise<User | null> {
  return async (userId) => {
    const [row] = await db.rows<UserRow>(find, [userId]);
    return row === undefined ? null : toUser(row);
  };
}
