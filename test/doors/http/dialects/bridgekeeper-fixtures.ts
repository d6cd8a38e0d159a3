import { expect } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import { AppService } from "../../../../src/gen/latchkey/v1/app_service_pb.js";
import { UserService } from "../../../../src/gen/latchkey/v1/user_service_pb.js";
import { startTestApp } from "../../../support/app.js";
import { connectClient } from "../../../support/clients.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const authorization = `Basic ${Buffer.from(`${admin.clientId}:${admin.clientSecret}`).toString("base64")}`;

export const phone = "+919888888888";
export const email = "johndoe@example.com";
export const origin = "http://localhost:3000";

export const integer = expect.any(Number);
export const user = {
  id: integer,
  name: null,
  email: null,
  "created-at": integer,
  "updated-at": integer,
  "avatar-url": null,
  "avatar-s3-key": null,
  "first-name": null,
  "last-name": null,
  "verification-status": null,
  metadata: null,
  slug: null,
  "communication-email": null,
  "phone-number": null,
  "login-phone-number": null,
  "is-tfa-enabled": false,
  username: null,
};
export const byPhone = { ...user, "phone-number": phone, "login-phone-number": phone, "verification-status": "phone" };
export const byEmail = { ...user, email, "communication-email": email, "verification-status": "email" };
export const linked = { ...byEmail, "phone-number": phone, "login-phone-number": phone };
export const failed = (message: unknown = expect.stringMatching(/./)) => ({ message, error: { message } });
export const noLogin = failed("Could not find qt-auth cookie or X-QT-AUTH header, please Login.");
export const mismatch = { status: 401, body: failed("OTP did not match") };
export const sentByEmail = "OTP was sent successfully only through Email. OTP was not sent through SMS";
export const sentBySms = "OTP was sent successfully only through SMS. OTP was not sent through Email";

type Body = Readonly<Record<string, unknown>>;
type Headers = Readonly<Record<string, string>>;

/** A server that lets people sign up by codes, with the calls of Bridgekeeper's clients. */
export async function startBridgekeeper(env: Readonly<Record<string, string>>) {
  const on = await startTestApp({ LATCHKEY_AUTO_REGISTRATION: "on", ...env }, { developmentClients: [admin] });

  async function call(method: string, path: string, given: { readonly body?: unknown; readonly headers?: Headers } = {}) {
    const { body, headers = {} } = given;
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/api/auth/v1${path}`, {
      method,
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const [set = ""] = response.headers.getSetCookie();
    return {
      status: response.status,
      body: text === "" ? null : (JSON.parse(text) as Record<string, unknown>),
      headers: response.headers,
      cookie: set,
      session: { cookie: set.split(";")[0]! },
    };
  }
  const send = (body: Body, headers: Headers = {}) => call("POST", "/users/send-otp", { body, headers });
  const login = (body: Body, headers: Headers = {}) => call("POST", "/login", { body, headers });
  /** The code of the newest message, when `count` have come. */
  const codeTo = async (to: string, count = 1) => (await on.messages(to, count))[0]!.code;
  return {
    ...on,
    call,
    send,
    login,
    codeTo,
    users: connectClient(UserService, on.app, { authorization }),
    apps: connectClient(AppService, on.app, { authorization }),
    /** Signs a new user in, who has the contact verified. */
    async signIn(contact: Body, to: string) {
      await send({ ...contact, "always-send": true });
      return await login({ ...contact, otp: await codeTo(to), "auto-signup": true });
    },
  };
}

export type Bridgekeeper = Awaited<ReturnType<typeof startBridgekeeper>>;

/** An answer without its headers. */
export const result = ({ status, body }: { readonly status: number; readonly body: unknown }) => ({ status, body });
