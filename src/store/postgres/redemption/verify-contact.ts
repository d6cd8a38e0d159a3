import type { Effect } from "./effect.js";

const functions = `
CREATE FUNCTION verify_contact_siblings(
  p_challenge_id TEXT, p_identifier_key BYTEA, p_contact_kind TEXT, p_contact_value TEXT, p_registration_id TEXT, p_now BIGINT,
  OUT ids TEXT[], OUT recipient_id TEXT
) LANGUAGE plpgsql AS $$
BEGIN
  ids := ARRAY(
    SELECT c.challenge_id FROM challenges c
    WHERE c.identifier_key = p_identifier_key AND c.purpose = 'verify_contact' AND c.expires_at > p_now
      AND c.consumed_at IS NULL AND c.cancelled_at IS NULL);
END $$;

CREATE FUNCTION redeem_verify_contact(
  p_challenge_id TEXT, p_contact_kind TEXT, p_contact_value TEXT, p_user_id TEXT, p_registration_id TEXT,
  p_locked TEXT[], p_recipient_id TEXT, p_made JSONB, p_now BIGINT,
  OUT why TEXT, OUT siblings TEXT[], OUT result JSONB
) LANGUAGE plpgsql AS $$
BEGIN
  siblings := p_locked;
  result := '{}';
END $$;
`;

/** Proves the contact and nothing more. The other live proofs of its identifier end. */
export const verifyContact: Effect = {
  siblings: "verify_contact_siblings",
  redeem: "redeem_verify_contact",
  functions,
  toRedemption: () => ({ kind: "proven" }),
  recall: async () => ({ kind: "proven" }),
};
