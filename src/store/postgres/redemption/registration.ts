import type { ContactKind } from "../../../model/contact.js";
import { type Effect, redeemFunction } from "./effect.js";
import { signIn } from "./sign-in.js";

interface PendingResult {
  readonly pending_sources: readonly ContactKind[];
}

/** As `loginFunction`, for a registration. */
export const registrationFunction = (name: string, findUser: string): string =>
  redeemFunction(name, {
    declare: `
  v_contacts JSONB;
  v_pending TEXT[];
  v_user RECORD;
`,
    body: `
  SELECT jsonb_agg(jsonb_build_object('kind', c.contact_kind, 'value', c.contact_value)),
    array_agg(c.contact_kind ORDER BY c.contact_kind) FILTER (WHERE c.consumed_at IS NULL AND c.challenge_id <> p_challenge_id)
  INTO v_contacts, v_pending FROM challenges c
  WHERE c.registration_id = p_registration_id AND c.contact_value IS NOT NULL
    AND EXISTS (SELECT 1 FROM registrations r WHERE r.registration_id = p_registration_id);
  v_user := ${findUser}(p_pool_id, p_app_id, p_contact_kind, p_contact_value,
    CASE WHEN v_pending IS NULL THEN v_contacts END, p_user_id, p_recipient_id, p_made, p_now);
  IF v_user.why IS NOT NULL THEN
    why := v_user.why;
    result := v_user.would_register;
  ELSIF v_user.user_id IS NOT NULL THEN
    UPDATE challenges c SET cancelled_at = p_now, sealed_code = NULL
    WHERE c.registration_id = p_registration_id AND c.challenge_id <> p_challenge_id
      AND c.consumed_at IS NULL AND c.cancelled_at IS NULL;
    DELETE FROM registrations r WHERE r.registration_id = p_registration_id;
    SELECT s.siblings, s.result INTO siblings, result
    FROM sign_in(p_challenge_id, p_app_id, v_user.user_id, v_user.user_row, v_user.is_new_user, v_user.username_taken, v_user.proves_claim, p_locked,
      p_made, p_now) s;
  ELSIF v_pending IS NOT NULL THEN
    -- Ends no siblings. Otherwise two registrations that wait for another source could cancel each other.
    result := jsonb_build_object('pending_sources', v_pending);
  ELSE
    why := 'cancelled';
  END IF;
`,
  });

/**
 * The last source to be proven creates the user; until then redemptions are `pending`. A source that already has a user signs
 * that user in and ends the registration. If a source was proven earlier and has a user by now, the new user does not get it.
 */
export const registration: Effect = {
  siblings: signIn.siblings,
  redeem: "redeem_registration",
  functions: registrationFunction("redeem_registration", "find_or_make_user"),
  toRedemption(result, change) {
    const { pending_sources: pendingSources } = result as Partial<PendingResult>;
    return pendingSources === undefined ? signIn.toRedemption(result, change) : { kind: "pending", pendingSources };
  },
  async recall(remembered, reads) {
    const { pending_sources: pendingSources } = remembered;
    return pendingSources.length > 0 ? { kind: "pending", pendingSources } : await signIn.recall(remembered, reads);
  },
};
