import { Agent, request } from "node:http";
import { emailOf } from "./latchkey.mjs";

/** Logins at a Better Auth server, of users that are made by their first. */
export function createBetterAuth({ port, users }, codes) {
  const agent = new Agent({ keepAlive: true });
  let turn = 0;

  function post(path, body) {
    const text = JSON.stringify(body);
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      origin: "http://localhost",
    };
    return new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port, path, method: "POST", agent, headers }, (response) => {
        let reply = "";
        response.setEncoding("utf8");
        response.on("data", (chunk) => {
          reply += chunk;
        });
        response.on("end", () => (response.statusCode === 200 ? resolve(reply) : reject(new Error(`${path}: ${reply}`))));
      });
      sent.on("error", reject);
      sent.end(text);
    });
  }

  return {
    async login() {
      turn += 1;
      const email = emailOf(turn % users);
      codes.expect(email);
      await post("/api/auth/email-otp/send-verification-otp", { email, type: "sign-in" });
      await post("/api/auth/sign-in/email-otp", { email, otp: await codes.next(email) });
    },
  };
}
