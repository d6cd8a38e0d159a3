import type { ContactKind } from "../../../../model/contact.js";
import type { EpochMs } from "../../../../model/time.js";
import { createPerson, nameOf, type Person } from "./person.js";
import { type Fields, idFields, isFields, isTrue, pastTime, rowOf } from "./row.js";
import type { Vendor } from "./vendor.js";

/** What Latchkey has no field for. It is kept as app attributes of these names. */
const kept = ["custom_data", "custom_app_data", "birthday", "address", "picture", "external_account_id", "groupIds"];

/** Users as `GET /cis/v1/users` has them. */
export const transmit: Vendor = {
  title: "Transmit Security",
  columns: null,
  read(fields, now) {
    const row = rowOf(isFields(fields.result) ? fields.result : fields);
    const person = createPerson();
    for (const one of listOf(row("email"), row("secondary_emails"))) addContact(person, "email", one, now);
    for (const one of listOf(row("phone_number"), row("secondary_phone_numbers"))) addContact(person, "phone", one, now);
    person.username(row("username"));
    person.locale(row("language"));
    person.keep(Object.fromEntries(kept.map((name) => [name, row(name)])));
    const name = row("name");
    const { first_name, middle_name, last_name } = isFields(name) ? name : {};
    const id = idFields(row("user_id"));
    const externalId = row("external_user_id");
    // There is one external id, and tokens of Transmit name the user by its own.
    if ("external_id" in id) person.keep({ external_user_id: externalId });
    return person.fields({
      external_id: externalId,
      ...id,
      display_name: nameOf(undefined, first_name, middle_name, last_name),
      state: states.get(row("status")) ?? "active",
    });
  },
};

const states = new Map<unknown, string>([
  ["Disabled", "locked"],
  ["Pending", "invited"],
]);

function listOf(primary: unknown, secondary: unknown): readonly unknown[] {
  return [...(primary === undefined ? [] : [primary]), ...(Array.isArray(secondary) ? secondary : [])];
}

function addContact(person: Person, kind: ContactKind, given: unknown, now: EpochMs): void {
  const { value, email_verified, phone_number_verified, verified_at }: Fields = isFields(given) ? given : { value: given };
  const isVerified = isTrue("email_verified", email_verified) ?? isTrue("phone_number_verified", phone_number_verified);
  person.contact(kind, value, isVerified === true ? (pastTime("verified_at", verified_at, now) ?? now) : null);
}
