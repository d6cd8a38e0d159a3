import { isLiveChallenge } from "../../shared/rows.js";
import { userRowOf } from "../functions/person-rows.js";
import { toUser, type UserRow } from "../rows.js";
import { type Effect, redeemFunction, siblingsFunction } from "./effect.js";

const functions = [
  // The user's other changes to the same contact, and all that change when the contact that is replaced is removed.
  siblingsFunction(
    "change_contact_siblings",
    `
  ids := ARRAY(
    SELECT c.challenge_id FROM challenges c
    WHERE c.identifier_key = p_identifier_key AND c.purpose = 'change_contact' AND c.app_id = p_app_id AND c.user_id = p_user_id
      AND ${isLiveChallenge("p_now")});
  IF p_replaces <> p_contact_value THEN
    ids := ids || challenges_of_contact(p_pool_id, p_user_id, p_contact_kind, p_replaces, p_now);
  END IF;
`,
  ),
  redeemFunction("redeem_change_contact", {
    declare: `
  v_user_row JSONB;
  v_holder TEXT;
`,
    body: `
  SELECT ${userRowOf("u")} INTO v_user_row FROM users u WHERE u.user_id = p_user_id FOR NO KEY UPDATE;
  PERFORM 1 FROM memberships m
  WHERE m.app_id = p_app_id AND m.user_id = p_user_id AND m.state = 'active'
    -- A test account never verifies a contact.
    AND m.credential_type <> 'test';
  IF NOT FOUND THEN
    why := 'user_gone';
    RETURN;
  END IF;
  SELECT o.user_id INTO v_holder FROM contacts o
  WHERE o.pool_id = p_pool_id AND o.kind = p_contact_kind AND o.value = p_contact_value;
  IF v_holder IS NULL THEN
    IF NOT has_room_for(p_app_id, p_user_id, p_contact_kind, p_contact_value, p_replaces) THEN
      why := 'too_many_contacts';
      RETURN;
    END IF;
    -- The new contact is the primary one if the replaced one was.
    INSERT INTO contacts (pool_id, kind, value, user_id, verified_at, rank)
    VALUES (p_pool_id, p_contact_kind, p_contact_value, p_user_id, p_now, coalesce((SELECT o.rank FROM contacts o
      WHERE o.pool_id = p_pool_id AND o.kind = p_contact_kind AND o.value = p_replaces AND o.user_id = p_user_id), p_now))
    ON CONFLICT (pool_id, kind, value) DO NOTHING;
    v_holder := CASE WHEN FOUND THEN p_user_id END;
  END IF;
  IF v_holder IS DISTINCT FROM p_user_id THEN
    siblings := '{}';
    result := '{}';
    RETURN;
  END IF;
  PERFORM end_claims(p_app_id, p_user_id, p_contact_kind, p_contact_value);
  IF p_replaces <> p_contact_value THEN
    PERFORM add_notice(p_made -> 'notice', p_pool_id, p_app_id, p_user_id, p_contact_kind, p_replaces, true, p_now);
    PERFORM take_contact(p_pool_id, p_app_id, p_user_id, p_contact_kind, p_replaces, p_locked || p_challenge_id, p_now);
  END IF;
  siblings := ARRAY(
    SELECT c.challenge_id FROM challenges c
    WHERE c.challenge_id = ANY (p_locked) AND c.purpose = 'change_contact' AND c.app_id = p_app_id AND c.user_id = p_user_id
      AND c.contact_kind = p_contact_kind AND c.contact_value = p_contact_value);
  result := jsonb_build_object('user', v_user_row || jsonb_build_object('contacts', contacts_of(p_user_id, p_app_id)));
`,
  }),
].join("");

/** Gives the challenge's user the contact and takes away the one that it replaces. No user in the result: another person has it. */
export const changeContact: Effect = {
  siblings: "change_contact_siblings",
  redeem: "redeem_change_contact",
  functions,
  toRedemption(result) {
    const { user } = result as { readonly user?: UserRow };
    return user === undefined ? { kind: "contact_taken" } : { kind: "contact_changed", user: toUser(user) };
  },
  async recall({ remembered_user_id: userId }, { findUser }) {
    if (userId === null) return { kind: "contact_taken" };
    const user = await findUser(userId);
    return user === null ? null : { kind: "contact_changed", user };
  },
};
