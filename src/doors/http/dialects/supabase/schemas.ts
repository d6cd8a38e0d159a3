import { type Static, Type } from "typebox";

/** Supabase's clients send null for what their caller left out. */
const maybe = { text: Type.Optional(Type.Union([Type.String(), Type.Null()])) };
const flag = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]));
const data = Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]));
const ignored = Type.Optional(Type.Unknown());

export const otpRequest = Type.Object({
  email: maybe.text,
  phone: maybe.text,
  channel: maybe.text,
  create_user: flag,
  data,
  gotrue_meta_security: ignored,
  code_challenge: ignored,
  code_challenge_method: ignored,
});
export const sentResponse = Type.Object({ message_id: Type.Optional(Type.String({ format: "uuid" })) });

export const verifyRequest = Type.Object({
  type: maybe.text,
  token: maybe.text,
  token_hash: maybe.text,
  email: maybe.text,
  phone: maybe.text,
  gotrue_meta_security: ignored,
});

export const resendRequest = Type.Object({
  type: maybe.text,
  email: maybe.text,
  phone: maybe.text,
  gotrue_meta_security: ignored,
});

export const tokenQuery = Type.Object({ grant_type: Type.Optional(Type.String()) });
export const tokenRequest = Type.Object({ refresh_token: maybe.text });

const time = Type.String({ format: "date-time" });
const metadata = Type.Unsafe<Record<string, unknown>>({ type: "object", additionalProperties: true });
const identity = Type.Object({
  identity_id: Type.String({ format: "uuid" }),
  id: Type.String({ format: "uuid" }),
  user_id: Type.String({ format: "uuid" }),
  identity_data: metadata,
  provider: Type.String(),
  last_sign_in_at: Type.Optional(time),
  created_at: time,
  updated_at: time,
  email: Type.Optional(Type.String()),
});
export const userResponse = Type.Object({
  id: Type.String({ format: "uuid" }),
  aud: Type.String(),
  role: Type.String(),
  email: Type.String(),
  email_confirmed_at: Type.Optional(time),
  phone: Type.String(),
  phone_confirmed_at: Type.Optional(time),
  confirmed_at: Type.Optional(time),
  last_sign_in_at: Type.Optional(time),
  app_metadata: metadata,
  user_metadata: metadata,
  identities: Type.Array(identity),
  created_at: time,
  updated_at: time,
  is_anonymous: Type.Boolean(),
});
export type SupabaseUser = Static<typeof userResponse>;

export const sessionResponse = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal("bearer"),
  expires_in: Type.Integer(),
  expires_at: Type.Integer(),
  refresh_token: Type.String(),
  user: userResponse,
});

/** The last six are refused unless they are left out. */
export const updateRequest = Type.Object({
  data,
  email: ignored,
  phone: ignored,
  password: ignored,
  nonce: ignored,
  app_metadata: ignored,
  current_password: ignored,
});

export const logoutQuery = Type.Object({ scope: Type.Optional(Type.String()) });

export const healthResponse = Type.Object({ version: Type.String(), name: Type.String(), description: Type.String() });
export const settingsResponse = Type.Object({
  external: Type.Unsafe<Record<string, boolean>>({ type: "object", additionalProperties: { type: "boolean" } }),
  disable_signup: Type.Boolean(),
  mailer_autoconfirm: Type.Boolean(),
  phone_autoconfirm: Type.Boolean(),
  sms_provider: Type.String(),
  mfa_enabled: Type.Boolean(),
  saml_enabled: Type.Boolean(),
});
