import { AuthError, invalidField, requestInvalid } from "../auth/errors.js";
import type { Member } from "../model/user.js";
import type { ChangeOutcome, TakenField } from "../store/port/users.js";
import { userNotFound } from "./deps.js";
import type { Checked } from "./member-fields.js";

/** Returns what a check accepted. Throws REQUEST_INVALID with what it refused. */
export function goodOf<T>(checked: Checked<T>): T {
  if (checked.kind === "good") return checked.value;
  throw requestInvalid(checked.violations);
}

/** The value of a field belongs to another person. */
export function taken(field: TakenField): AuthError {
  return new AuthError("ALREADY_EXISTS", { detail: `the ${field} is taken`, metadata: { field } });
}

/** The person is a member already. */
export function alreadyMember(userId: string): AuthError {
  return new AuthError("ALREADY_EXISTS", { detail: `${userId} is a member already`, metadata: { user_id: userId } });
}

/** Returns the member after a change. Throws what stood in its way. */
export function changedMember(outcome: ChangeOutcome, field = "contact"): Member {
  switch (outcome.kind) {
    case "changed":
    case "unchanged":
      return outcome.member;
    case "taken":
      throw taken(outcome.field);
    case "too_many_contacts":
      throw new AuthError("TOO_MANY_CONTACTS");
    case "last_contact":
      throw new AuthError("LAST_CONTACT");
    case "no_contact":
      throw invalidField(field, "is not a contact of the user");
    case "no_member":
      throw userNotFound();
  }
}
