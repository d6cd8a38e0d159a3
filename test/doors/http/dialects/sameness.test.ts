import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import { dialectDefinitions } from "../../../../src/doors/http/dialects/plugins.js";
import { AppService } from "../../../../src/gen/latchkey/v1/app_service_pb.js";
import { AuthService } from "../../../../src/gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../../../src/gen/latchkey/v1/challenge_pb.js";
import { UserService } from "../../../../src/gen/latchkey/v1/user_service_pb.js";
import type { Dialect } from "../../../../src/model/dialect.js";
import { serviceSidOf } from "../../../../src/model/vendor-ids.js";
import { startTestApp, type TestApp } from "../../../support/app.js";
import { addBackend } from "../../../support/backends.js";
import { explained, wrongCode } from "../../../support/calls.js";
import { connectClient } from "../../../support/clients.js";
import { testEngines } from "../../../support/engines.js";

interface Call {
  readonly path: string;
  readonly body: unknown;
  /** Left out: the body is JSON. */
  readonly isForm?: true;
}

/** How a vendor's client asks for a code for a phone number and brings it back. */
interface Row {
  readonly dialect: Dialect;
  /** Whether callers have credentials. */
  readonly isBackend: boolean;
  readonly purpose: Purpose;
  readonly send: (phone: string) => Call;
  /** `sent` is the body of the answer to the send. */
  /** Whether an answer says yes. Left out: by its status. */
  readonly saysYes?: (body: never) => boolean;
  readonly verify: (given: { readonly phone: string; readonly code: string; readonly sent: Record<string, unknown> }) => Call;
}

const twilioService = `/v2/Services/${serviceSidOf("default")}`;

const rows: readonly Row[] = [
  {
    dialect: "biot",
    isBackend: false,
    purpose: Purpose.LOGIN,
    send: (phone) => ({ path: "/ums/v2/users/otp/generate", body: { phone } }),
    verify: ({ code, sent }) => ({ path: "/ums/v2/users/otp/login", body: { requestId: sent.requestId, code } }),
  },
  {
    dialect: "bridgekeeper",
    isBackend: false,
    purpose: Purpose.LOGIN,
    send: (phone) => ({ path: "/api/auth/v1/users/send-otp", body: { "phone-number": phone } }),
    verify: ({ phone, code }) => ({ path: "/api/auth/v1/login", body: { "phone-number": phone, otp: code } }),
  },
  {
    dialect: "solidx",
    isBackend: false,
    purpose: Purpose.LOGIN,
    send: (phone) => ({ path: "/api/iam/otp/login/initiate", body: { type: "mobile", identifier: phone } }),
    verify: ({ phone, code }) => ({
      path: "/api/iam/otp/login/confirm",
      body: { type: "mobile", identifier: phone, otp: code },
    }),
  },
  {
    dialect: "transmit",
    isBackend: true,
    purpose: Purpose.LOGIN,
    send: (phone) => ({
      path: "/cis/v1/auth/otp/send",
      body: { channel: "sms", identifier_type: "phone_number", identifier: phone },
    }),
    verify: ({ phone, code }) => ({
      path: "/cis/v1/auth/otp/authenticate",
      body: { passcode: code, identifier_type: "phone_number", identifier: phone },
    }),
  },
  {
    dialect: "beem",
    isBackend: true,
    purpose: Purpose.VERIFY_CONTACT,
    saysYes: ({ data }: { data: { message: { code: number } } }) => [100, 117].includes(data.message.code),
    send: (phone) => ({ path: "/v1/request", body: { appId: 1, msisdn: phone.slice(1) } }),
    verify: ({ code, sent }) => ({
      path: "/v1/verify",
      body: { pinId: (sent.data as { pinId: string }).pinId, pin: code },
    }),
  },
  {
    dialect: "twilio",
    isBackend: true,
    purpose: Purpose.VERIFY_CONTACT,
    saysYes: ({ valid }: { valid: boolean }) => valid,
    send: (To) => ({ path: `${twilioService}/Verifications`, body: { To, Channel: "sms" }, isForm: true }),
    verify: ({ phone: To, code: Code }) => ({ path: `${twilioService}/VerificationCheck`, body: { To, Code }, isForm: true }),
  },
  {
    dialect: "supabase",
    isBackend: false,
    purpose: Purpose.LOGIN,
    send: (phone) => ({ path: "/auth/v1/otp", body: { phone, create_user: false } }),
    verify: ({ phone, code }) => ({ path: "/auth/v1/verify", body: { type: "sms", phone, token: code } }),
  },
  {
    dialect: "vonage",
    isBackend: true,
    purpose: Purpose.VERIFY_CONTACT,
    send: (to) => ({ path: "/v2/verify", body: { brand: "Shop", workflow: [{ channel: "sms", to: to.slice(1) }] } }),
    verify: ({ code, sent }) => ({ path: `/v2/verify/${String(sent.request_id)}`, body: { code } }),
  },
  {
    dialect: "camara",
    isBackend: true,
    purpose: Purpose.VERIFY_CONTACT,
    send: (phoneNumber) => ({
      path: "/one-time-password-sms/v1/send-code",
      body: { phoneNumber, message: "{{code}} is your code" },
    }),
    verify: ({ code, sent }) => ({
      path: "/one-time-password-sms/v1/validate-code",
      body: { authenticationId: sent.authenticationId, code },
    }),
  },
];

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const backend = { clientId: "default-backend", clientSecret: newClientSecret().secret };
const basicOf = (one: typeof admin) => `Basic ${Buffer.from(`${one.clientId}:${one.clientSecret}`).toString("base64")}`;
const asAdmin = { authorization: basicOf(admin) };
const [known, locked, unregistered, unknown] = ["+12345678901", "+12345678902", "+12345678903", "+12345678904"] as const;

type Headers = Readonly<Record<string, string>>;

/** Keys and types of a value, without what it says. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== "object" || value === null) return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]));
}

it("each dialect has a row", () => {
  expect(rows.map(({ dialect }) => dialect).toSorted()).toEqual(dialectDefinitions.map(({ dialect }) => dialect).toSorted());
});

describe.each(testEngines())("over each dialect on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database(), { developmentClients: [admin, backend] });
    const users = connectClient(UserService, on.app, asAdmin);
    await users.createUser({ appId: "default", phone: known });
    const { user } = await users.createUser({ appId: "default", phone: locked });
    await users.lockUser({ appId: "default", userId: user!.userId });
    await connectClient(AppService, on.app, asAdmin).createApp({ appId: "shop", displayName: "Shop" });
    await users.createUser({ appId: "shop", phone: unregistered });
  });
  afterEach(() => on.stop());

  const ownHeaders = ({ isBackend }: Row): Headers => (isBackend ? { authorization: basicOf(backend) } : {});

  const isYes = ({ saysYes }: Row, { status, body }: { readonly status: number; readonly body: unknown }) =>
    status < 300 && (saysYes === undefined || saysYes(body as never));

  async function post({ path, body, isForm }: Call, headers: Headers) {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}${path}`, {
      method: "POST",
      headers: { "content-type": isForm ? "application/x-www-form-urlencoded" : "application/json", ...headers },
      body: isForm ? String(new URLSearchParams(body as Record<string, string>)) : JSON.stringify(body),
    });
    const text = await response.text();
    const parsed = text === "" ? null : (JSON.parse(text) as Record<string, unknown>);
    return { status: response.status, body: parsed, length: text.length };
  }

  it.each(rows)("$dialect: known, locked, unregistered and unknown numbers get equal answers", async (row) => {
    const seen = [];
    for (const phone of [known, locked, unregistered, unknown]) {
      const sent = await post(row.send(phone), ownHeaders(row));
      const again = await post(row.send(phone), ownHeaders(row));
      const guess = { phone, code: "000000", sent: sent.body! };
      const wrong = await post(row.verify(guess), ownHeaders(row));
      for (let n = 0; n < 4; n += 1) await post(row.verify(guess), ownHeaders(row));
      const spent = await post(row.verify(guess), ownHeaders(row));
      seen.push([sent, again, wrong, spent].map(({ status, body, length }) => ({ status, length, shape: shapeOf(body) })));
    }
    expect(seen[0]![0]!.status).toBeLessThan(300);
    for (const other of seen.slice(1)) expect(other).toEqual(seen[0]);
  });

  it.each(rows)("$dialect: guesses and sends count together with those over Connect", async (row) => {
    const headers: Headers = row.isBackend ? { authorization: basicOf(backend) } : { "x-latchkey-client": "default-web" };
    const auth = connectClient(AuthService, on.app, headers);
    const identifier = { case: "phone", value: known } as const;
    const sent = await post(row.send(known), ownHeaders(row));
    expect(sent.status).toBeLessThan(300);
    const connectSend = { identifier, purpose: row.purpose };
    expect(await explained(auth.sendOtp(connectSend))).toMatchObject({ reason: "TOO_MANY_REQUESTS" });
    const { code } = (await on.messages(known))[0]!;
    const verify = (text: string) => row.verify({ phone: known, code: text, sent: sent.body! });
    for (let n = 0; n < 3; n += 1) {
      expect(isYes(row, await post(verify(wrongCode(code, n)), ownHeaders(row))), "wrong").toBe(false);
    }
    const expectedPurpose = row.purpose;
    for (let n = 3; n < 5; n += 1)
      expect(await explained(auth.verifyOtp({ identifier, code: wrongCode(code, n), expectedPurpose }))).toMatchObject({
        reason: "CODE_INVALID",
        metadata: row.isBackend ? { cause: "MISMATCH" } : {},
      });
    expect(await explained(auth.verifyOtp({ identifier, code, expectedPurpose }))).toMatchObject({
      reason: "CODE_INVALID",
      metadata: row.isBackend ? { cause: "ATTEMPTS_EXHAUSTED" } : {},
    });
    expect(isYes(row, await post(verify(code), ownHeaders(row))), "the right code").toBe(false);
    on.clock.advance(60_000);
    expect((await auth.sendOtp(connectSend)).challenge).toBeDefined();
    const hasty = await post(row.send(known), ownHeaders(row));
    expect(hasty.status).toBeGreaterThanOrEqual(400);
    expect(await on.messages(known, 2)).toHaveLength(2);
  });

  it.each(rows)("$dialect: a client without scopes, or one that does not speak it, reaches nothing", async (row) => {
    const given = { appId: "default", verifyByIdentifier: true } as const;
    const silent = await addBackend(on, { ...given, clientId: "silent", scopes: ["otp:send", "otp:verify", "otp:options"] });
    const idle = await addBackend(on, { ...given, clientId: "idle", dialects: [row.dialect] });
    const callers: readonly Headers[] = row.isBackend
      ? [{ authorization: silent.basic }, { authorization: idle.basic }, {}]
      : [{ "x-latchkey-client": "silent" }, { "x-latchkey-client": "idle" }];
    for (const headers of callers) {
      const { status } = await post(row.send(known), headers);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    }
    expect(await on.app.core.deps.store.outbox.nextDueAt()).toBeNull();
    const sent = await post(row.send(known), ownHeaders(row));
    const { code } = (await on.messages(known))[0]!;
    const verify = row.verify({ phone: known, code, sent: sent.body! });
    for (const headers of callers) expect(isYes(row, await post(verify, headers))).toBe(false);
    expect(isYes(row, await post(verify, ownHeaders(row)))).toBe(true);
  });
});
