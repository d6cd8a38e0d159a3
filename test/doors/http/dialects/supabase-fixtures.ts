import { expect } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import { AppService } from "../../../../src/gen/latchkey/v1/app_service_pb.js";
import { UserService } from "../../../../src/gen/latchkey/v1/user_service_pb.js";
import { startTestApp } from "../../../support/app.js";
import { connectClient } from "../../../support/clients.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const authorization = `Basic ${Buffer.from(`${admin.clientId}:${admin.clientSecret}`).toString("base64")}`;

export const phone = "+12345678901";
export const email = "ada@example.com";
export const origin = "http://localhost:3000";
export const text = expect.stringMatching(/./);
export const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
export const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

const identityOf = (provider: "email" | "phone", value: string) => ({
  identity_id: uuid,
  id: uuid,
  user_id: uuid,
  identity_data: {
    sub: uuid,
    [provider]: value,
    email_verified: provider === "email",
    phone_verified: provider === "phone",
  },
  provider,
  last_sign_in_at: time,
  created_at: time,
  updated_at: time,
  ...(provider === "email" && { email: value }),
});

/** A user with one contact, as Supabase shows one. */
export const userOf = (provider: "email" | "phone", value: string, user_metadata: object = {}) => ({
  id: uuid,
  aud: "authenticated",
  role: "authenticated",
  email: provider === "email" ? value : "",
  phone: provider === "phone" ? value : "",
  [`${provider}_confirmed_at`]: time,
  confirmed_at: time,
  last_sign_in_at: time,
  app_metadata: { provider, providers: [provider] },
  user_metadata,
  identities: [identityOf(provider, value)],
  created_at: time,
  updated_at: time,
  is_anonymous: false,
});

export const sessionOf = (user: object) => ({
  access_token: text,
  token_type: "bearer",
  expires_in: 600,
  expires_at: expect.any(Number),
  refresh_token: text,
  user,
});

/** An error as callers read it that name the version of the API, and as all others do. */
export const failed = (status: number, code: string, message: unknown = text) => ({ status, body: { code, message } });
export const failedOld = (status: number, code: string, msg: unknown = text) => ({
  status,
  body: { code: status, error_code: code, msg },
});
export const expired = failed(403, "otp_expired", "Token has expired or is invalid");

export type Headers = Readonly<Record<string, string>>;
/** What the session of Supabase's clients has. */
export interface Session {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_at: number;
  readonly user: { readonly id: string };
}

export const versioned = { "x-supabase-api-version": "2024-01-01" };
export const bearer = ({ access_token }: Session) => ({ authorization: `Bearer ${access_token}` });
/** An answer without its headers. */
export const result = <Body>({ status, body }: { readonly status: number; readonly body: Body }) => ({ status, body });

/** A server that lets people sign up by codes, with the calls of Supabase's clients. */
export async function startSupabase(env: Readonly<Record<string, string>>) {
  const settings = { LATCHKEY_AUTO_REGISTRATION: "on", LATCHKEY_TRUSTED_PROXIES: "127.0.0.1", ...env };
  const on = await startTestApp(settings, { developmentClients: [admin] });

  async function call(method: string, path: string, body?: unknown, headers: Headers = {}) {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/auth/v1${path}`, {
      method,
      headers: {
        ...(body !== undefined && { "content-type": "application/json;charset=UTF-8" }),
        ...versioned,
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const answer = await response.text();
    return {
      status: response.status,
      body: answer === "" ? null : (JSON.parse(answer) as Record<string, unknown>),
      headers: response.headers,
    };
  }
  /** The code of the newest message, when `count` have come. */
  const codeTo = async (to: string, count = 1) => (await on.messages(to, count))[0]!.code;
  return {
    ...on,
    call,
    codeTo,
    users: connectClient(UserService, on.app, { authorization }),
    apps: connectClient(AppService, on.app, { authorization }),
    otp: async (body: object, headers: Headers = {}) => result(await call("POST", "/otp", body, headers)),
    verify: async (body: object, headers: Headers = {}) => result(await call("POST", "/verify", body, headers)),
    /** Signs in by e-mail, after `before` messages to the address. */
    async signIn(to = email, before = 0): Promise<Session> {
      await call("POST", "/otp", { email: to });
      const token = await codeTo(to, before + 1);
      const { status, body } = await call("POST", "/verify", { type: "email", email: to, token });
      expect(status, JSON.stringify(body)).toBe(200);
      return body as unknown as Session;
    },
    async inbox(): Promise<readonly string[]> {
      const response = await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages`);
      return ((await response.json()) as { to: string }[]).map(({ to }) => to);
    },
  };
}

export type Supabase = Awaited<ReturnType<typeof startSupabase>>;
