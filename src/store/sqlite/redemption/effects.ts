import type { Database } from "better-sqlite3";
import type { Purpose } from "../../../model/challenge.js";
import type { People } from "../people/people.js";
import type { Sessions } from "../sessions.js";
import { createChangeContact } from "./change-contact.js";
import type { Effect } from "./effect.js";
import { createLogin } from "./login.js";
import { createRegistration } from "./registration.js";
import { createSignIn } from "./sign-in.js";
import { createVerifyContact } from "./verify-contact.js";

/** The effect of each purpose. A new purpose is one file and one line here. */
export function createEffects(
  db: Database,
  { people, sessions }: { people: People; sessions: Sessions },
): Readonly<Record<Purpose, Effect>> {
  const { lookups } = people;
  const signIn = createSignIn(db, { people, sessions });
  return {
    login: createLogin({ lookups, signIn }),
    registration: createRegistration(db, { lookups, signIn }),
    verify_contact: createVerifyContact(db),
    change_contact: createChangeContact(db, people),
  };
}
