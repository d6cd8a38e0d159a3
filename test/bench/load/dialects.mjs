import { Agent, request } from "node:http";
import { twilioIdsOf } from "../../../dist/model/vendor-ids.js";
import { emailOf } from "./latchkey.mjs";

const phoneOf = (user) => `+1202555${String(user).padStart(4, "0")}`;
const json = "application/json";
const formType = "application/x-www-form-urlencoded";
const { accountSid, serviceSid } = twilioIdsOf({ clientId: "default-backend", appId: "default" });
const connect = (method, body) => [`/latchkey.v1.AuthService/${method}`, body];
const service = `/v2/Services/${serviceSid}`;
/** A check of a contact without a sign-in. */
const purpose = "PURPOSE_VERIFY_CONTACT";

/**
 * A sign-in or a check of a contact as each vendor's client makes it: what it asks for a code with, and what it redeems the code with.
 * `as`: the credentials of a backend that it sends.
 */
const signIns = {
  connect: {
    toOf: emailOf,
    send: (email) => connect("SendOtp", { email }),
    verify: (_email, code, { challenge }) => connect("VerifyOtp", { challengeId: challenge.challengeId, code }),
  },
  connectBySms: {
    toOf: phoneOf,
    send: (phone) => connect("SendOtp", { phone }),
    verify: (_phone, code, { challenge }) => connect("VerifyOtp", { challengeId: challenge.challengeId, code }),
  },
  connectAsBackend: {
    toOf: phoneOf,
    as: "token",
    send: (phone) => connect("SendOtp", { phone }),
    verify: (_phone, code, { challenge }) => connect("VerifyOtp", { challengeId: challenge.challengeId, code }),
  },
  connectCheckByToken: {
    toOf: phoneOf,
    as: "token",
    send: (phone) => connect("SendOtp", { phone, purpose }),
    verify: (_phone, code, { challenge }) => connect("VerifyOtp", { challengeId: challenge.challengeId, code }),
  },
  connectCheckBySecret: {
    toOf: phoneOf,
    as: "secret",
    send: (phone) => connect("SendOtp", { phone, purpose }),
    verify: (_phone, code, { challenge }) => connect("VerifyOtp", { challengeId: challenge.challengeId, code }),
  },
  biot: {
    toOf: phoneOf,
    send: (phone) => ["/ums/v2/users/otp/generate", { phone }],
    verify: (_phone, code, { requestId }) => ["/ums/v2/users/otp/login", { requestId, code }],
  },
  bridgekeeper: {
    toOf: emailOf,
    send: (email) => ["/api/auth/v1/users/send-otp", { email }],
    verify: (email, otp) => ["/api/auth/v1/login", { email, otp }],
  },
  transmit: {
    toOf: phoneOf,
    as: "token",
    send: (identifier) => ["/cis/v1/auth/otp/send", { channel: "sms", identifier_type: "phone_number", identifier }],
    verify: (identifier, passcode) => [
      "/cis/v1/auth/otp/authenticate",
      { passcode, identifier_type: "phone_number", identifier },
    ],
  },
  supabase: {
    toOf: emailOf,
    send: (email) => ["/auth/v1/otp", { email }],
    verify: (email, token) => ["/auth/v1/verify", { type: "email", email, token }],
  },
  solidx: {
    toOf: emailOf,
    send: (identifier) => ["/api/iam/otp/login/initiate", { type: "email", identifier }],
    verify: (identifier, otp) => ["/api/iam/otp/login/confirm", { type: "email", identifier, otp }],
  },
  beem: {
    toOf: phoneOf,
    as: "secret",
    send: (phone) => ["/v1/request", { appId: 1, msisdn: phone.slice(1) }],
    verify: (_phone, pin, { data }) => ["/v1/verify", { pinId: data.pinId, pin }],
  },
  twilio: {
    toOf: phoneOf,
    as: "account",
    send: (To) => [`${service}/Verifications`, new URLSearchParams({ To, Channel: "sms" })],
    verify: (To, Code) => [`${service}/VerificationCheck`, new URLSearchParams({ To, Code })],
  },
  vonage: {
    toOf: phoneOf,
    as: "secret",
    send: (phone) => ["/v2/verify", { brand: "Latchkey", workflow: [{ channel: "sms", to: phone.slice(1) }] }],
    verify: (_phone, code, { request_id }) => [`/v2/verify/${request_id}`, { code }],
  },
  camara: {
    toOf: phoneOf,
    as: "token",
    send: (phoneNumber) => ["/one-time-password-sms/v1/send-code", { phoneNumber, message: "Your code is {{code}}." }],
    verify: (_phone, code, { authenticationId }) => ["/one-time-password-sms/v1/validate-code", { authenticationId, code }],
  },
};

/** Sign-ins over HTTP/1.1 at a Latchkey server, as the clients of Connect and of the vendors make them: one method for each. */
export function createDialects({ webPort, users, admin, backend }, codes) {
  const agent = new Agent({ keepAlive: true });
  let turn = 0;
  const credentials = { secret: backend, account: backend && asAccount(backend) };

  function post(path, body, headers = {}) {
    const isForm = body instanceof URLSearchParams;
    const text = isForm ? body.toString() : JSON.stringify(body);
    const all = {
      "connect-protocol-version": "1",
      "content-type": isForm ? formType : json,
      "content-length": Buffer.byteLength(text),
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: webPort, path, method: "POST", agent, headers: all }, (response) => {
        let reply = "";
        response.setEncoding("utf8").on("data", (chunk) => {
          reply += chunk;
        });
        response.on("end", () =>
          response.statusCode < 300
            ? resolve(reply === "" ? null : JSON.parse(reply))
            : reject(new Error(`${path}: ${response.statusCode} ${reply}`)),
        );
      });
      sent.on("error", reject);
      sent.end(text);
    });
  }

  async function signIn({ toOf, send, verify, as }) {
    turn += 1;
    const to = toOf(turn % users);
    const headers = as === undefined ? {} : { authorization: credentials[as] };
    codes.expect(to);
    const sent = await post(...send(to), headers);
    const code = await codes.next(to);
    if (code === null) throw new Error(`no code came to ${to}`);
    await post(...verify(to, code, sent), headers);
  }

  return {
    ...Object.fromEntries(Object.entries(signIns).map(([name, one]) => [name, () => signIn(one)])),
    /** Makes users with phone numbers, and gets a token for the calls of backends. */
    async prepare() {
      for (let user = 0; user < users; user += 1) {
        await post("/latchkey.v1.UserService/CreateUser", { appId: "default", phone: phoneOf(user) }, { authorization: admin });
      }
      const form = new URLSearchParams({ grant_type: "client_credentials" });
      const { access_token: token } = await post("/oauth2/token", form, { authorization: backend });
      credentials.token = `Bearer ${token}`;
    },
  };
}

/** Returns Basic credentials with the account's id of Twilio's form in place of the client's. */
function asAccount(basic) {
  const [, secret] = Buffer.from(basic.slice("Basic ".length), "base64").toString().split(":");
  return `Basic ${Buffer.from(`${accountSid}:${secret}`).toString("base64")}`;
}
