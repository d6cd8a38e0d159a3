import type { EpochMs } from "../../../../model/time.js";
import { createPerson } from "./person.js";
import { idFields, isFields, isTrue, objectOf, pastTime, type Row, RowError, rowOf } from "./row.js";
import type { Vendor } from "./vendor.js";

/** Rows of the table `ss_user`, or users as SolidX's API has them, with their roles. */
export const solidx: Vendor = {
  title: "SolidX",
  columns: [["id"], ["email", "mobile", "username"]],
  read(fields, now) {
    const row = rowOf(fields);
    if (row("deletedAt") !== undefined) throw new RowError("is a user that was deleted (deletedAt)");
    const person = createPerson();
    person.contact("email", row("email"), verifiedAt("email", row, now));
    person.contact("phone", row("mobile"), verifiedAt("mobile", row, now));
    person.username(row("username"));
    person.roles(listOf(row("roles")));
    person.locale(row("localeName"));
    const payload = objectOf(row("customPayload"));
    if (!isFields(payload)) person.keep({ customPayload: payload });
    return person.fields({
      ...idFields(row("id")),
      display_name: row("fullName"),
      custom_attributes: isFields(payload) ? payload : undefined,
      state: isTrue("active", row("active")) === false ? "locked" : "active",
    });
  },
};

/** The last time at which the user gave a code back. */
function verifiedAt(contact: "email" | "mobile", row: Row, now: EpochMs): EpochMs | null {
  const names = [`${contact}VerifiedOnRegistrationAt`, `${contact}VerifiedOnLoginAt`];
  const times = names.flatMap((name) => pastTime(name, row(name), now) ?? []);
  return times.length === 0 ? null : Math.max(...times);
}

/** A cell has JSON, or names with commas between them. */
function listOf(roles: unknown): unknown {
  const value = objectOf(roles);
  return typeof value === "string" ? value.split(",").map((role) => role.trim()) : value;
}
