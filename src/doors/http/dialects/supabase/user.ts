import { timestampDate } from "@bufbuild/protobuf/wkt";
import { decodeJwt } from "jose";
import { ContactKind, type User } from "../../../../gen/latchkey/v1/user_pb.js";
import { asUuid } from "../ids.js";
import type { SupabaseUser } from "./schemas.js";

/**
 * The user as Supabase shows it. The time of the last sign-in is that of the session of this token. Latchkey keeps no time of
 * a change, so that is the time of the creation.
 */
export function toSupabaseUser(user: User, accessToken: string): SupabaseUser {
  const email = contactOf(user, ContactKind.EMAIL);
  const phone = contactOf(user, ContactKind.PHONE);
  const createdAt = timestampDate(user.createdAt!).toISOString();
  const confirmedAt = [email.confirmedAt, phone.confirmedAt].filter((at) => at !== undefined).sort()[0];
  const signedInAt = signInTimeOf(accessToken);
  const times = {
    ...(signedInAt !== null && { last_sign_in_at: signedInAt }),
    created_at: createdAt,
    updated_at: createdAt,
  };
  const known = [
    { provider: "email", ...email },
    { provider: "phone", ...phone },
  ].filter(({ value }) => value !== "");
  const [first] = known;
  return {
    id: user.userId,
    aud: "authenticated",
    role: "authenticated",
    email: email.value,
    ...(email.confirmedAt !== undefined && { email_confirmed_at: email.confirmedAt }),
    phone: phone.value,
    ...(phone.confirmedAt !== undefined && { phone_confirmed_at: phone.confirmedAt }),
    ...(confirmedAt !== undefined && { confirmed_at: confirmedAt }),
    app_metadata: {
      ...(first !== undefined && { provider: first.provider }),
      providers: known.map(({ provider }) => provider),
      ...(user.roles.length > 0 && { roles: user.roles }),
    },
    user_metadata: user.customAttributes ?? {},
    identities: known.map(({ provider, value }) => ({
      identity_id: asUuid(`${user.userId} ${provider}`),
      id: user.userId,
      user_id: user.userId,
      identity_data: {
        sub: user.userId,
        [provider]: value,
        email_verified: email.confirmedAt !== undefined,
        phone_verified: phone.confirmedAt !== undefined,
      },
      provider,
      ...times,
      ...(provider === "email" && { email: value }),
    })),
    ...times,
    is_anonymous: false,
  };
}

/** Returns the time of the sign-in. Null for a session credential, which does not have it. */
function signInTimeOf(accessToken: string): string | null {
  if (!accessToken.includes(".")) return null;
  const { auth_time: seconds } = decodeJwt(accessToken);
  return typeof seconds === "number" ? new Date(seconds * 1_000).toISOString() : null;
}

/** Supabase has a phone number without the plus sign, and an empty text for none. */
function contactOf(
  { contacts }: User,
  wanted: ContactKind,
): { readonly value: string; readonly confirmedAt: string | undefined } {
  const found = contacts.find(({ kind, primary }) => primary && kind === wanted);
  return {
    value: found?.value.replace(/^\+/, "") ?? "",
    confirmedAt: found?.verifiedAt && timestampDate(found.verifiedAt).toISOString(),
  };
}
