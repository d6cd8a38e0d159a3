import type { UserContact } from "../../model/user.js";

/**
 * Gives the contacts of a new user ranks that keep their order, whatever their times of verification. The rank of a contact that is
 * verified later is its time, so it comes after them.
 */
export function withRanks(contacts: readonly UserContact[]): readonly (UserContact & { readonly rank: number })[] {
  let rank = 0;
  return contacts.map((contact) => {
    rank = Math.max(rank + 1, contact.verifiedAt ?? 0);
    return { ...contact, rank };
  });
}
