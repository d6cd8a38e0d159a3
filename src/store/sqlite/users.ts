import type { Database } from "better-sqlite3";
import type { Channel } from "../../model/channel.js";
import { contactKindOf } from "../../model/channel.js";
import type { Contact, ContactKind } from "../../model/contact.js";
import { type Identifier, isContact } from "../../model/identifier.js";
import type { EpochMs } from "../../model/time.js";
import type { NewUser, User } from "../../model/user.js";
import type { Recipient } from "../port/challenges.js";
import type { Store } from "../port/store.js";
import { toUser, type UserRow, userColumns } from "./rows.js";
import type { Sessions } from "./sessions.js";
import type { Writer } from "./writer.js";

/** Reads and writes of users inside the caller's transaction. */
export interface Users {
  /** Finds the user that the identifier names in the pool, and the user's contact that the channel reaches. */
  recipient(of: { readonly identifier: Identifier; readonly channel: Channel; readonly poolId: string }): Recipient | null;
  find(userId: string): User | null;
  /** Returns the id of the pool's user with this contact, or null if no user has it. */
  userIdOf(poolId: string, contact: Contact): string | null;
  usernameTaken(poolId: string, username: string): boolean;
  create(user: NewUser, made: { readonly poolId: string; readonly contacts: readonly Contact[]; readonly now: EpochMs }): void;
  update(userId: string, fields: { displayName?: string; locale?: string; customAttributes?: string }): User | null;
  remove(userId: string): boolean;
}

interface FoundRow {
  user_id: string;
  locale: string;
}

export function createUsers(db: Database): Users {
  const select = db.prepare<[string], UserRow>(`SELECT ${userColumns} FROM users u WHERE u.user_id = ?`);
  const byId = db.prepare<[string, string], FoundRow>("SELECT user_id, locale FROM users WHERE user_id = ? AND pool_id = ?");
  const byUsername = db.prepare<[string, string], FoundRow>(
    "SELECT user_id, locale FROM users WHERE pool_id = ? AND username = ?",
  );
  const contactOfKind = db.prepare<[string, ContactKind], Contact>(
    "SELECT kind, value FROM contacts WHERE user_id = ? AND kind = ? ORDER BY verified_at LIMIT 1",
  );
  const userOfContact = db.prepare<[string, string, string], { user_id: string }>(
    "SELECT user_id FROM contacts WHERE pool_id = ? AND kind = ? AND value = ?",
  );
  const insert = db.prepare<[string, string, string | null, string, string, string, EpochMs]>(`
    INSERT INTO users (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)`);
  const insertContact = db.prepare<[string, string, string, string, EpochMs]>(
    "INSERT INTO contacts (pool_id, kind, value, user_id, verified_at) VALUES (?, ?, ?, ?, ?)",
  );
  const updateUser = db.prepare<[string | null, string | null, string | null, string]>(`
    UPDATE users SET display_name = coalesce(?, display_name), locale = coalesce(?, locale),
      custom_attributes = coalesce(?, custom_attributes)
    WHERE user_id = ?`);
  const deleteUser = db.prepare<[string]>("DELETE FROM users WHERE user_id = ?");
  const deleteContacts = db.prepare<[string]>("DELETE FROM contacts WHERE user_id = ?");

  function find(userId: string): User | null {
    const row = select.get(userId);
    return row === undefined ? null : toUser(row);
  }

  function userIdOf(poolId: string, { kind, value }: Contact): string | null {
    return userOfContact.get(poolId, kind, value)?.user_id ?? null;
  }

  function named(poolId: string, identifier: Identifier): FoundRow | undefined {
    switch (identifier.kind) {
      case "username":
        return byUsername.get(poolId, identifier.value);
      case "user_id":
        return byId.get(identifier.value, poolId);
      default:
        return byId.get(userIdOf(poolId, identifier) ?? "", poolId);
    }
  }

  return {
    // Reads as much for an unknown identifier, so that timing does not reveal whether a user exists.
    recipient({ identifier, channel, poolId }) {
      const kind = contactKindOf[channel];
      const row = named(poolId, identifier);
      const given = isContact(identifier) && identifier.kind === kind ? identifier : null;
      const contact = given ?? contactOfKind.get(row?.user_id ?? "", kind) ?? null;
      return row === undefined ? null : { userId: row.user_id, locale: row.locale, contact };
    },
    find,
    userIdOf,
    usernameTaken: (poolId, username) => byUsername.get(poolId, username) !== undefined,
    create(user, { poolId, contacts, now }) {
      insert.run(user.userId, poolId, user.username, user.displayName, user.locale, user.customAttributes, now);
      for (const { kind, value } of contacts) insertContact.run(poolId, kind, value, user.userId, now);
    },
    update(userId, { displayName, locale, customAttributes }) {
      updateUser.run(displayName ?? null, locale ?? null, customAttributes ?? null, userId);
      return find(userId);
    },
    remove(userId) {
      deleteContacts.run(userId);
      return deleteUser.run(userId).changes > 0;
    },
  };
}

export function createUserOperations(
  db: Database,
  { writer, users, sessions }: { writer: Writer; users: Users; sessions: Sessions },
): Store["users"] {
  // The challenges still look live. Otherwise their holders would see that the user is gone.
  const endChallengesOf = db.prepare<{ userId: string }>(`
    UPDATE challenges SET decoy = 1, sealed_code = NULL WHERE user_id = @userId AND consumed_at IS NULL AND rowid IN (
      SELECT c.rowid FROM contacts o CROSS JOIN challenges c ON c.contact_kind = o.kind AND c.contact_value = o.value
      WHERE o.user_id = @userId)`);
  return {
    update: ({ userId, ...fields }) => writer.write(() => users.update(userId, fields)),
    delete: ({ userId }) =>
      writer.write(() => {
        sessions.removeAllOf(userId);
        endChallengesOf.run({ userId });
        return users.remove(userId);
      }),
  };
}
