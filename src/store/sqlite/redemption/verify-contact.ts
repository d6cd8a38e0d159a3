import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../../model/time.js";
import { isLiveChallenge } from "../../shared/rows.js";
import type { Effect } from "./effect.js";

/** Proves the contact and does nothing more. The other live proofs of its identifier end. */
export function createVerifyContact(db: Database): Effect {
  const siblings = db
    .prepare<{ identifierKey: Uint8Array; now: EpochMs }, string>(`
      SELECT c.challenge_id FROM challenges c
      WHERE c.identifier_key = @identifierKey AND c.purpose = 'verify_contact' AND ${isLiveChallenge("@now")}`)
    .pluck();
  return {
    decide({ identifier_key: identifierKey }, _contact, { now }) {
      return () => ({ redemption: { kind: "proven" }, siblings: siblings.all({ identifierKey, now }) });
    },
    recall: () => ({ kind: "proven" }),
  };
}
