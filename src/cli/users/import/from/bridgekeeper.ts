import { createPerson, nameOf } from "./person.js";
import { idFields, isFields, objectOf, rowOf } from "./row.js";
import type { Vendor } from "./vendor.js";

/** User objects, as `/users/me` has them. Bridgekeeper says of one contact that it is verified, in `verification-status`. */
export const bridgekeeper: Vendor = {
  title: "Bridgekeeper",
  columns: [["id"], ["email", "login-phone-number", "phone-number"]],
  read(fields, now) {
    const row = rowOf(isFields(fields.user) ? fields.user : fields);
    const status = row("verification-status");
    const person = createPerson();
    const [email, login, phone] = [row("email"), row("login-phone-number"), row("phone-number")];
    person.contact("phone", login ?? phone, status === "phone" ? now : null);
    person.contact("email", email, status === "email" ? now : null);
    if (login !== undefined && phone !== undefined && !isSame(login, phone)) {
      // Bridgekeeper signs in no users by this number, so its form is free.
      if (String(phone).startsWith("+")) person.contact("phone", phone, null);
      else person.keep({ "phone-number": phone });
    }
    person.username(row("username"));
    const address = row("communication-email");
    person.keep({
      ...(address !== email && { "communication-email": address }),
      "avatar-url": row("avatar-url"),
      slug: row("slug"),
    });
    return person.fields({
      ...idFields(row("id")),
      display_name: nameOf(row("name"), row("first-name"), row("last-name")),
      custom_attributes: objectOf(row("metadata")),
    });
  },
};

/** Bridgekeeper's samples write one of two equal numbers without its country code. */
function isSame(login: unknown, phone: unknown): boolean {
  const digits = (value: unknown) => String(value).replace(/[^0-9]/g, "");
  return digits(login).endsWith(digits(phone));
}
