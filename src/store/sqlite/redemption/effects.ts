import type { Database } from "better-sqlite3";
import type { Purpose } from "../../../model/challenge.js";
import type { Sessions } from "../sessions.js";
import type { Users } from "../users.js";
import type { Effect } from "./effect.js";
import { createLogin } from "./login.js";
import { createRegistration } from "./registration.js";
import { createSignIn } from "./sign-in.js";
import { createVerifyContact } from "./verify-contact.js";

/** The effect of each purpose. A new purpose is one file and one line here. */
export function createEffects(
  db: Database,
  { users, sessions }: { users: Users; sessions: Sessions },
): Readonly<Record<Purpose, Effect>> {
  const signIn = createSignIn(db, { users, sessions });
  return {
    login: createLogin({ users, signIn }),
    registration: createRegistration(db, { users, signIn }),
    verify_contact: createVerifyContact(db),
  };
}
