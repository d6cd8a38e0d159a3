import { Type } from "typebox";

const text = Type.Union([Type.String(), Type.Null()]);
const flag = Type.Boolean({ default: false });

/** Bridgekeeper's word for a kind of contact. */
const medium = Type.Union([Type.Literal("phone-number"), Type.Literal("email")]);

/** Pages send empty texts and null for what their users left out. */
const contacts = { "phone-number": Type.Optional(text), email: Type.Optional(text) };

export const sendOtpRequest = Type.Object({
  ...contacts,
  "always-send": Type.Optional(flag),
  mediums: Type.Optional(Type.Array(medium, { minItems: 1, maxItems: 2 })),
});
export const sendOtpResponse = Type.Object({ message: Type.String() });

export const loginRequest = Type.Object({ ...contacts, otp: Type.String(), "auto-signup": Type.Optional(flag) });

export const signupRequest = Type.Object({
  ...contacts,
  "login-phone-number": Type.Optional(text),
  otp: Type.String(),
  name: Type.Optional(Type.String({ maxLength: 128, pattern: "^\\P{Cc}*$" })),
  "dont-login": Type.Optional(flag),
});

/** The official page sends the national number as `phone-number`, as a number. It counts only as a text, without the other one. */
export const updateRequest = Type.Object({
  otp: Type.String(),
  user: Type.Optional(
    Type.Object({
      "verification-status": Type.Optional(Type.Union([Type.Literal("email"), Type.Literal("phone"), Type.Null()])),
      email: Type.Optional(text),
      "login-phone-number": Type.Optional(text),
      "phone-number": Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Null()])),
    }),
  ),
});

export const profileRequest = Type.Object({ name: Type.String() });

const shown = Type.Unsafe<string | null>({ type: ["string", "null"] });
const user = Type.Object({
  id: Type.Integer(),
  name: shown,
  email: shown,
  "created-at": Type.Integer(),
  "updated-at": Type.Integer(),
  "avatar-url": shown,
  "avatar-s3-key": shown,
  "first-name": shown,
  "last-name": shown,
  "verification-status": shown,
  metadata: Type.Unsafe<Record<string, unknown> | null>({ type: ["object", "null"], additionalProperties: true }),
  slug: shown,
  "communication-email": shown,
  "phone-number": shown,
  "login-phone-number": shown,
  "is-tfa-enabled": Type.Boolean(),
  username: shown,
});
export const userResponse = Type.Object({ user });
export const meResponse = Type.Object({ user, "active-sessions-count": Type.Integer(), source: Type.Literal("bridgekeeper") });

export const sessionsResponse = Type.Object({
  sessions: Type.Array(
    Type.Object({
      id: Type.String(),
      "created-at": Type.Integer(),
      "last-used-at": Type.Integer(),
      "expires-at": Type.Integer(),
      ip: Type.String(),
      "user-agent": Type.String(),
      current: Type.Boolean(),
    }),
  ),
  "active-sessions-count": Type.Integer(),
});
