import type { User } from "../../model/user.js";
import * as shared from "../shared/rows.js";
import { unescapeNul } from "../shared/texts.js";

export interface UserRow extends shared.UserRow {
  contacts: shared.ContactColumns[];
}

export function toUser(row: UserRow): User {
  return shared.toUser(row, unescapeNul(row.display_name), row.contacts);
}
