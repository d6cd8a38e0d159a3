import type { EpochMs } from "../../../../model/time.js";
import { createPerson, nameOf } from "./person.js";
import { idFields, isFields, objectOf, pastTime, RowError, rowOf, timeOf } from "./row.js";
import type { Vendor } from "./vendor.js";

/** Rows of `auth.users`, or users as the admin API has them. */
export const supabase: Vendor = {
  title: "Supabase",
  columns: [["id"], ["email", "phone"]],
  read(fields, now) {
    const row = rowOf(fields);
    if (row("deleted_at") !== undefined) throw new RowError("is a user that was deleted (deleted_at)");
    const person = createPerson();
    const data = objectOf(row("raw_user_meta_data") ?? row("user_metadata"));
    const { full_name, name, locale } = isFields(data) ? data : {};
    person.contact("email", row("email"), pastTime("email_confirmed_at", row("email_confirmed_at"), now));
    person.contact("phone", withPlus(row("phone")), pastTime("phone_confirmed_at", row("phone_confirmed_at"), now));
    person.locale(locale);
    return {
      ...person.fields({
        ...idFields(row("id")),
        display_name: nameOf(full_name, name),
        custom_attributes: data,
        state: isBanned(row("banned_until"), now) ? "locked" : "active",
      }),
      app_attributes: objectOf(row("raw_app_meta_data") ?? row("app_metadata")),
    };
  },
};

/** Supabase stores phone numbers without the plus. */
function withPlus(phone: unknown): unknown {
  return typeof phone === "number" || (typeof phone === "string" && /^[0-9]/.test(phone)) ? `+${phone}` : phone;
}

function isBanned(until: unknown, now: EpochMs): boolean {
  return until === "infinity" || (timeOf("banned_until", until) ?? 0) > now;
}
