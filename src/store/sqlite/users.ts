import type { Database } from "better-sqlite3";
import type { Channel, Contact, ContactKind, EpochMs, Identifier, NewUser, Recipient, User } from "../store.js";

interface UserRow {
  user_id: string;
  username: string | null;
  display_name: string;
  locale: string;
  custom_attributes: string;
  created_at: EpochMs;
}

interface ContactRow {
  kind: ContactKind;
  value: string;
  verified_at: EpochMs;
}

/** Reads and writes of users inside somebody else's transaction. */
export interface Users {
  recipient(identifier: Identifier, channel: Channel): Recipient | null;
  find(userId: string): User | null;
  ownerOf(contact: Contact): string | null;
  usernameTaken(username: string): boolean;
  create(user: NewUser, contacts: readonly Contact[], now: EpochMs): void;
  update(userId: string, fields: { displayName?: string; locale?: string; customAttributes?: string }): User | null;
  remove(userId: string): boolean;
}

const contactKindOf: Record<Channel, ContactKind> = { email: "email", sms: "phone" };

export function createUsers(db: Database): Users {
  const select = db.prepare<[string], UserRow>("SELECT * FROM users WHERE user_id = ?");
  const byUsername = db.prepare<[string], UserRow>("SELECT * FROM users WHERE username = ?");
  const contactsOf = db.prepare<[string], ContactRow>(
    "SELECT kind, value, verified_at FROM contacts WHERE user_id = ? ORDER BY verified_at, kind",
  );
  const owner = db.prepare<[string, string], { user_id: string }>("SELECT user_id FROM contacts WHERE kind = ? AND value = ?");
  const insert = db.prepare<[string, string | null, string, string, string, EpochMs]>(
    "INSERT INTO users (user_id, username, display_name, locale, custom_attributes, created_at) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const insertContact = db.prepare<[string, string, string, EpochMs]>(
    "INSERT INTO contacts (kind, value, user_id, verified_at) VALUES (?, ?, ?, ?)",
  );
  const updateUser = db.prepare<[string | null, string | null, string | null, string], UserRow>(`
    UPDATE users SET display_name = coalesce(?, display_name), locale = coalesce(?, locale),
      custom_attributes = coalesce(?, custom_attributes)
    WHERE user_id = ? RETURNING *`);
  const deleteUser = db.prepare<[string]>("DELETE FROM users WHERE user_id = ?");
  const deleteContacts = db.prepare<[string]>("DELETE FROM contacts WHERE user_id = ?");

  function toUser(row: UserRow): User {
    return {
      userId: row.user_id,
      username: row.username,
      displayName: row.display_name,
      locale: row.locale,
      contacts: contactsOf.all(row.user_id).map(({ kind, value, verified_at }) => ({ kind, value, verifiedAt: verified_at })),
      customAttributes: row.custom_attributes,
      createdAt: row.created_at,
    };
  }

  function ownerOf(contact: Contact): string | null {
    return owner.get(contact.kind, contact.value)?.user_id ?? null;
  }

  return {
    // Reads as much for somebody who is not there, so that time does not tell.
    recipient(identifier, channel) {
      if (identifier.kind === "username") {
        const row = byUsername.get(identifier.value);
        const contact = contactsOf.all(row?.user_id ?? "").find(({ kind }) => kind === contactKindOf[channel]);
        if (row === undefined) return null;
        return {
          userId: row.user_id,
          locale: row.locale,
          contact: contact === undefined ? null : { kind: contact.kind, value: contact.value },
        };
      }
      const row = select.get(ownerOf(identifier) ?? "");
      return row === undefined ? null : { userId: row.user_id, locale: row.locale, contact: identifier };
    },
    find(userId) {
      const row = select.get(userId);
      return row === undefined ? null : toUser(row);
    },
    ownerOf,
    usernameTaken: (username) => byUsername.get(username) !== undefined,
    create(user, contacts, now) {
      insert.run(user.userId, user.username, user.displayName, user.locale, user.customAttributes, now);
      for (const { kind, value } of contacts) insertContact.run(kind, value, user.userId, now);
    },
    update(userId, { displayName, locale, customAttributes }) {
      const row = updateUser.get(displayName ?? null, locale ?? null, customAttributes ?? null, userId);
      return row === undefined ? null : toUser(row);
    },
    remove(userId) {
      deleteContacts.run(userId);
      return deleteUser.run(userId).changes > 0;
    },
  };
}
