import { Agent, request } from "node:http";
import { emailOf } from "./latchkey.mjs";

const phoneOf = (user) => `+1202555${String(user).padStart(4, "0")}`;
const json = "application/json";

/**
 * A sign-in as each vendor's client makes it: what it asks for a code with, and what it redeems the code with. `backend`: it has the
 * credentials of a client.
 */
const signIns = {
  connect: {
    toOf: emailOf,
    send: (email) => ["/latchkey.v1.AuthService/SendOtp", { email }],
    verify: (_email, code, { challenge }) => [
      "/latchkey.v1.AuthService/VerifyOtp",
      { challengeId: challenge.challengeId, code },
    ],
  },
  connectBySms: {
    toOf: phoneOf,
    send: (phone) => ["/latchkey.v1.AuthService/SendOtp", { phone }],
    verify: (_phone, code, { challenge }) => [
      "/latchkey.v1.AuthService/VerifyOtp",
      { challengeId: challenge.challengeId, code },
    ],
  },
  connectAsBackend: {
    toOf: phoneOf,
    backend: true,
    send: (phone) => ["/latchkey.v1.AuthService/SendOtp", { phone }],
    verify: (_phone, code, { challenge }) => [
      "/latchkey.v1.AuthService/VerifyOtp",
      { challengeId: challenge.challengeId, code },
    ],
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
    backend: true,
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
};

/** Sign-ins over HTTP/1.1 at a Latchkey server, as the clients of Connect and of the vendors make them: one method for each. */
export function createDialects({ webPort, users, admin, backend }, codes) {
  const agent = new Agent({ keepAlive: true });
  let turn = 0;
  let clientToken = "";

  function post(path, body, headers = {}) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const all = {
      "connect-protocol-version": "1",
      "content-type": json,
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
            ? resolve(JSON.parse(reply))
            : reject(new Error(`${path}: ${response.statusCode} ${reply}`)),
        );
      });
      sent.on("error", reject);
      sent.end(text);
    });
  }

  async function signIn({ toOf, send, verify, ...kind }) {
    turn += 1;
    const to = toOf(turn % users);
    const headers = kind.backend ? { authorization: `Bearer ${clientToken}` } : {};
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
      const form = { "content-type": "application/x-www-form-urlencoded", authorization: backend };
      clientToken = (await post("/oauth2/token", "grant_type=client_credentials", form)).access_token;
    },
  };
}
