import type { Apps } from "../port/apps.js";
import { type ColdDatabase, sql } from "./cold-database.js";
import { escapeNul } from "./texts.js";

/** The ids of assertions that clients have used. */
export function createAssertions(db: ColdDatabase): Pick<Apps, "useAssertion"> {
  return {
    useAssertion: ({ clientId, jti, expiresAt }) =>
      db.write(function* () {
        const text = `INSERT INTO client_assertions (client_id, jti, expires_at) VALUES ($1, $2, $3)
          ON CONFLICT (client_id, jti) DO NOTHING RETURNING jti`;
        return (yield* sql(text, [escapeNul(clientId), escapeNul(jti), expiresAt])).length > 0;
      }),
  };
}
