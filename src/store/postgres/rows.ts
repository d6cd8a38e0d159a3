import type { Member, User } from "../../model/user.js";
import type { FoundUser } from "../port/users.js";
import * as shared from "../shared/person-rows.js";
import { unescapeNul } from "../shared/texts.js";

export interface UserRow extends shared.UserRow {
  contacts: shared.ContactColumns[];
}

export type MemberRow = UserRow & shared.MembershipRow;

/** A person, whose columns of the membership are null if there is none. */
export type FoundRow = UserRow & (shared.MembershipRow | { app_id: null });

export function toUser(row: UserRow): User {
  return shared.toUser(row, unescapeNul(row.display_name), row.contacts);
}

export function toMember(row: MemberRow): Member {
  return { user: toUser(row), membership: shared.toMembership(row, unescapeNul) };
}

export function toFound(row: FoundRow): FoundUser {
  return { user: toUser(row), membership: row.app_id === null ? null : shared.toMembership(row, unescapeNul) };
}
