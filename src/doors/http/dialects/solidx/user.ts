import { ContactKind, type User } from "../../../../gen/latchkey/v1/user_pb.js";

/** The user as SolidX shows it. A user without a username has a contact in its place. */
export function toUser(user: User) {
  const contactOf = (kind: ContactKind) => user.contacts.find((one) => one.primary && one.kind === kind)?.value ?? null;
  const [email, mobile] = [contactOf(ContactKind.EMAIL), contactOf(ContactKind.PHONE)];
  return { id: Number(user.number), username: user.username || (email ?? mobile ?? ""), email, mobile, roles: user.roles };
}
