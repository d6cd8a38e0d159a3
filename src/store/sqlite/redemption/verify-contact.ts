import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../../model/time.js";
import { isLiveChallenge } from "../../shared/rows.js";
import type { Effect } from "./effect.js";

/** Proves the contact and does nothing more. The app's other live proofs of its identifier end. */
export function createVerifyContact(db: Database): Effect {
  const siblings = db
    .prepare<{ identifierKey: Uint8Array; appId: string; now: EpochMs }, string>(`
      SELECT c.challenge_id FROM challenges c
      WHERE c.identifier_key = @identifierKey AND c.purpose = 'verify_contact' AND c.app_id = @appId AND ${isLiveChallenge("@now")}`)
    .pluck();
  return {
    decide({ identifier_key: identifierKey, app_id: appId }, _contact, { now }) {
      return () => ({ redemption: { kind: "proven" }, siblings: siblings.all({ identifierKey, appId, now }) });
    },
    recall: () => ({ kind: "proven" }),
  };
}
