import type { Database } from "better-sqlite3";
import type { Purpose } from "../../../model/challenge.js";
import type { People } from "../people/people.js";
import type { Sessions } from "../sessions.js";
import { createChangeContact } from "./change-contact.js";
import type { Effect } from "./effect.js";
import { createLogin } from "./login.js";
import { createRegistration } from "./registration.js";
import { createSignIn } from "./sign-in.js";
import { createTestLogin, createTestRegistration } from "./test-sign-in.js";
import { createVerifyContact } from "./verify-contact.js";

export interface Effects {
  readonly ofPurpose: Readonly<Record<Purpose, Effect>>;
  /** What a test challenge does instead. Of every other purpose it can't be redeemed. */
  readonly ofTests: Readonly<Partial<Record<Purpose, Effect>>>;
}

/** The effect of each purpose, and of test challenges. A new purpose is one file and one line here. */
export function createEffects(db: Database, { people, sessions }: { people: People; sessions: Sessions }): Effects {
  const { lookups } = people;
  const signIn = createSignIn(db, { people, sessions });
  return {
    ofPurpose: {
      login: createLogin({ lookups, signIn }),
      registration: createRegistration(db, { lookups, signIn }),
      verify_contact: createVerifyContact(db),
      change_contact: createChangeContact(db, people),
    },
    ofTests: { login: createTestLogin({ lookups, signIn }), registration: createTestRegistration(db, { lookups, signIn }) },
  };
}
