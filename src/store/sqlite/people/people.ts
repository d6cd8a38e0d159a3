import type { Database } from "better-sqlite3";
import { createEraseMessages, type EraseMessages } from "../messages/erase.js";
import { createPersonChallenges, type PersonChallenges } from "./challenges.js";
import { createPeopleChanges, type PeopleChanges } from "./changes.js";
import { type Contacts, createContacts } from "./contacts.js";
import { createLookups, type Lookups } from "./lookups.js";
import { createNotices, type Notices } from "./notices.js";

/** Reads and writes of people and memberships inside the caller's transaction. */
export interface People {
  readonly lookups: Lookups;
  readonly changes: PeopleChanges;
  readonly contacts: Contacts;
  readonly challenges: PersonChallenges;
  readonly messages: EraseMessages;
  readonly notices: Notices;
}

export function createPeople(db: Database): People {
  const changes = createPeopleChanges(db);
  const challenges = createPersonChallenges(db);
  const messages = createEraseMessages(db);
  const notices = createNotices(db);
  const contacts = createContacts(db, { changes, challenges, messages, notices });
  return { lookups: createLookups(db), changes, contacts, challenges, messages, notices };
}
