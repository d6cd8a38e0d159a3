import { type Effect, redeemFunction } from "./effect.js";
import { signIn } from "./sign-in.js";

/** A function that redeems a login. `findUser` finds or makes its user, with the parameters and results of find_or_make_user. */
export const loginFunction = (name: string, findUser: string): string =>
  redeemFunction(name, {
    declare: `
  v_contacts JSONB;
  v_user RECORD;
`,
    body: `
  IF p_user_id IS NULL THEN
    v_contacts := jsonb_build_array(jsonb_build_object('kind', p_contact_kind, 'value', p_contact_value));
  END IF;
  v_user := ${findUser}(p_pool_id, p_app_id, p_contact_kind, p_contact_value, v_contacts, p_user_id, p_recipient_id, p_made, p_now);
  IF v_user.why IS NOT NULL THEN
    why := v_user.why;
    result := v_user.would_register;
    RETURN;
  END IF;
  SELECT s.siblings, s.result INTO siblings, result
  FROM sign_in(p_challenge_id, p_app_id, v_user.user_id, v_user.user_row, v_user.is_new_user, v_user.username_taken, v_user.proves_claim, p_locked,
    p_made, p_now) s;
`,
  });

/**
 * Signs in the contact's user. A challenge issued for a user signs in only that user. A challenge issued for a contact without
 * a user creates one.
 */
export const login: Effect = {
  ...signIn,
  redeem: "redeem_login",
  functions: loginFunction("redeem_login", "find_or_make_user"),
};
