import { isLiveChallenge } from "../../shared/rows.js";
import { type Effect, redeemFunction, siblingsFunction } from "./effect.js";

const functions = [
  siblingsFunction(
    "verify_contact_siblings",
    `
  ids := ARRAY(
    SELECT c.challenge_id FROM challenges c
    WHERE c.identifier_key = p_identifier_key AND c.purpose = 'verify_contact' AND c.app_id = p_app_id
      AND ${isLiveChallenge("p_now")});
`,
  ),
  redeemFunction("redeem_verify_contact", {
    body: `
  siblings := p_locked;
  result := '{}';
`,
  }),
].join("");

/** Proves the contact and does nothing more. The app's other live proofs of its identifier end. */
export const verifyContact: Effect = {
  siblings: "verify_contact_siblings",
  redeem: "redeem_verify_contact",
  functions,
  toRedemption: () => ({ kind: "proven" }),
  recall: async () => ({ kind: "proven" }),
};
