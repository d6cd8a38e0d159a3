import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { User } from "../../../../gen/latchkey/v1/user_pb.js";
import { kindOf, type Medium } from "./contacts.js";

/** The user as Bridgekeeper shows it. What Latchkey does not know is null. It keeps no time of a change. */
export function toBridgekeeperUser(user: User) {
  const contact = (medium: Medium) => user.contacts.find(({ kind, primary }) => primary && kind === kindOf[medium]);
  const [email, phone] = [contact("email"), contact("phone-number")];
  const createdAt = timestampMs(user.createdAt!);
  return {
    id: Number(user.number),
    name: user.displayName || null,
    email: email?.value ?? null,
    "created-at": createdAt,
    "updated-at": createdAt,
    "avatar-url": null,
    "avatar-s3-key": null,
    "first-name": null,
    "last-name": null,
    "verification-status": email?.verifiedAt ? "email" : phone?.verifiedAt ? "phone" : null,
    metadata: user.customAttributes ?? null,
    slug: null,
    "communication-email": email?.value ?? null,
    "phone-number": phone?.value ?? null,
    "login-phone-number": phone?.value ?? null,
    "is-tfa-enabled": false,
    username: user.username || null,
  };
}
