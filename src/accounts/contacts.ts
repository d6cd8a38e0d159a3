import type { Actor } from "../apps/actor.js";
import { accepted } from "../auth/errors.js";
import { noticeOf } from "../auth/take-back-contact.js";
import type { Contact } from "../model/contact.js";
import { canonicalContact } from "../model/identifier.js";
import type { Member } from "../model/user.js";
import { type AccountsDeps, type OfUser, record, requireScope } from "./deps.js";
import { theUser } from "./get-user.js";
import { changedMember } from "./refusals.js";
import { withVerification } from "./verified-contacts.js";

export interface AddContactInput extends OfUser {
  /** As the caller wrote it. */
  readonly contact: Contact;
  /** The actor has verified the contact. Needs `users:verify`. */
  readonly verified: boolean;
  /** Empty: none. */
  readonly contactProof: string;
  readonly primary: boolean;
}

/**
 * Adds a contact to a user: as a claim, or verified by a mark or a proof. Throws USER_NOT_FOUND, TOO_MANY_CONTACTS, and
 * ALREADY_EXISTS if another person has verified it.
 */
export async function addContact(deps: AccountsDeps, actor: Actor, input: AddContactInput): Promise<Member> {
  const { verified, contactProof, primary } = input;
  if (verified) requireScope(actor, "users:verify");
  const { app, member } = await theUser(deps, actor, input);
  const contact = accepted(canonicalContact(app.policy, input.contact.kind, input.contact.value));
  const [checked] = await withVerification(deps, actor, {
    app,
    input: { contacts: [contact], marked: verified ? [contact.kind] : [], proofs: contactProof === "" ? [] : [contactProof] },
    proofField: "contact_proof",
  });
  const changed = changedMember(
    await deps.store.users.addContact({
      appId: app.appId,
      userId: member.user.userId,
      contact: checked!,
      primary,
      now: deps.clock(),
    }),
  );
  const { verifiedAt } = checked!;
  record(deps, actor, {
    act: "user.contact.add",
    app,
    user: changed.user.number,
    kind: contact.kind,
    verified: verifiedAt !== null,
  });
  return changed;
}

/**
 * Removes a contact of a user. A verified one gets a notice, by which its owner can take it back. Throws USER_NOT_FOUND,
 * LAST_CONTACT, and REQUEST_INVALID if the user does not have it.
 */
export async function removeContact(
  deps: AccountsDeps,
  actor: Actor,
  input: OfUser & { readonly contact: Contact },
): Promise<Member> {
  const { app, member } = await theUser(deps, actor, input);
  const contact = accepted(canonicalContact(app.policy, input.contact.kind, input.contact.value));
  const { userId } = member.user;
  const notice = noticeOf(deps, app.policy, contact.kind);
  const now = deps.clock();
  const outcome = await deps.store.users.removeContact({ appId: app.appId, userId, contact, notice, now });
  const changed = changedMember(outcome, contact.kind);
  deps.wakeOutbox(now);
  record(deps, actor, { act: "user.contact.remove", app, user: changed.user.number, kind: contact.kind });
  return changed;
}
