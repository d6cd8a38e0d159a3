import type { Member } from "../../model/user.js";
import type { MemberQuery } from "../port/users.js";

/** Returns the first of a member's values that begin with a prefix. A list has the member at this value only. */
export function firstValue({ user }: Member, { field, text }: NonNullable<MemberQuery["prefix"]>): string | undefined {
  if (field === "username") return user.username ?? undefined;
  return user.contacts
    .filter(({ kind, value }) => kind === field && value.startsWith(text))
    .map(({ value }) => value)
    .sort()[0];
}
