import { Agent, request } from "node:http";

const emailOf = (user) => `person${user}@example.com`;

/** Logins at a supabase/auth server of somebody, with codes by mail; users are made by their first. */
export function createSupabase({ url, users }, codes) {
  const agent = new Agent({ keepAlive: true });
  const base = new URL(url);
  const sessions = [];
  let turn = 0;

  function send(method, path, { body, token } = {}) {
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const { hostname, port, pathname } = base;
    return new Promise((resolve, reject) => {
      const where = { host: hostname, port, path: `${pathname.replace(/\/$/, "")}${path}`, method, agent, headers };
      const sent = request(where, (response) => {
        let reply = "";
        response.setEncoding("utf8");
        response.on("data", (chunk) => {
          reply += chunk;
        });
        response.on("end", () => {
          if (response.statusCode === 200) resolve(JSON.parse(reply));
          else reject(new Error(`${path}: ${response.statusCode} ${reply}`));
        });
      });
      sent.on("error", reject);
      sent.end(text);
    });
  }

  async function login(user) {
    const email = emailOf(user);
    codes.expect(email);
    await send("POST", "/otp", { body: { email, create_user: true } });
    const code = await codes.next(email);
    if (code === null) throw new Error(`no code came to ${email}: does the server send mails to the port of --against-mail?`);
    const proof = code.length > 10 ? { token_hash: code } : { email, token: code };
    return await send("POST", "/verify", { body: { type: "email", ...proof } });
  }

  const sessionOf = async (lane) => {
    sessions[lane] ??= await login(users + lane);
    return sessions[lane];
  };

  return {
    async login() {
      turn += 1;
      await login(turn % users);
    },
    async refresh(lane) {
      const { refresh_token } = await sessionOf(lane);
      sessions[lane] = await send("POST", "/token?grant_type=refresh_token", { body: { refresh_token } });
    },
    async currentUser(lane) {
      const { access_token: token } = await sessionOf(lane);
      await send("GET", "/user", { token });
    },
  };
}
