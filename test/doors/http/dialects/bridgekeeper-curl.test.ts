import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { commandSecrets, latchkey } from "../../../support/command-line.js";
import { testEngines } from "../../../support/engines.js";
import {
  type Bridgekeeper,
  byEmail,
  byPhone,
  email,
  failed,
  linked,
  noLogin,
  origin,
  phone,
  result,
  sentByEmail,
  sentBySms,
  startBridgekeeper,
} from "./bridgekeeper-fixtures.js";

const run = promisify(execFile);
const page = readFileSync(new URL("../../../../docs/migration/bridgekeeper.md", import.meta.url), "utf8");
/** The commands of the page, each in one line. */
const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
  block!.replaceAll("\\\n", " ").trim().split("\n"),
);

describe.each(testEngines())("Bridgekeeper's paths by curl on $engine", ({ database }) => {
  let on: Bridgekeeper;
  beforeEach(async () => {
    on = await startBridgekeeper(await database());
  });
  afterEach(() => on.stop());

  describe("the curls of the seed, by curl with a cookie jar", () => {
    async function curl(path: string, ...rest: readonly string[]) {
      const jar = join(on.folder, "jar");
      const url = `http://127.0.0.1:${on.app.httpPort}/api/auth/v1${path}`;
      const args = ["-sS", "-b", jar, "-c", jar, "-w", "\n%{http_code}", ...rest, url];
      const { stdout } = await run("curl", args);
      const [status, ...lines] = stdout.split("\n").reverse();
      const text = lines.reverse().join("\n");
      return { status: Number(status), body: text === "" ? null : (JSON.parse(text) as Record<string, unknown>) };
    }
    const post = (path: string, data: string) =>
      curl(path, "--request", "POST", "-H", "Content-Type: application/json", "-H", `Origin: ${origin}`, "--data-raw", data);

    it("send OTP and log in by phone number and by e-mail, each with the session in the jar", async () => {
      await on.users.createUser({ appId: "default", phone });
      await on.users.createUser({ appId: "default", email });
      const toPhone = await post("/users/send-otp", '{"phone-number":"+919888888888"}');
      expect(toPhone).toEqual({ status: 200, body: { message: sentBySms } });
      const toEmail = await post("/users/send-otp", '{"email":"johndoe@example.com"}');
      expect(toEmail).toEqual({ status: 200, body: { message: sentByEmail } });

      const me = (one: unknown) => ({
        status: 200,
        body: { user: one, "active-sessions-count": 1, source: "bridgekeeper" },
      });
      const phoneLogin = await post("/login", `{"phone-number":"+919888888888","otp":"${await on.codeTo(phone)}"}`);
      expect(phoneLogin).toEqual({ status: 200, body: { user: byPhone } });
      expect(await curl("/users/me")).toEqual(me(byPhone));
      const emailLogin = await post("/login", `{"email":"johndoe@example.com","otp":"${await on.codeTo(email)}"}`);
      expect(emailLogin).toEqual({ status: 200, body: { user: byEmail } });
      expect(await curl("/users/me")).toEqual(me(byEmail));
      expect(await curl("/logout")).toEqual({ status: 204, body: null });
      expect(await curl("/users/me")).toEqual({ status: 401, body: noLogin });
    });

    it("a user whom the app gave both contacts signs in by one after the other", async () => {
      await on.users.createUser({ appId: "default", phone, email });
      for (const [contact, to] of [
        ['"phone-number":"+919888888888"', phone],
        ['"email":"johndoe@example.com"', email],
      ] as const) {
        expect((await post("/users/send-otp", `{${contact}}`)).status).toBe(200);
        expect((await post("/login", `{${contact},"otp":"${await on.codeTo(to)}"}`)).status).toBe(200);
      }
      expect((await curl("/users/me")).body).toMatchObject({ user: linked });
    });
  });

  describe("the page that calls", () => {
    it("is one of the client's list, or of a host that is the client's", async () => {
      await on.stop();
      on = await startBridgekeeper({ ...(await database()), LATCHKEY_ISSUER: "https://auth.example.com" });
      await on.apps.createApp({ appId: "news" });
      const one = { clientId: "news-web", kind: 1, dialects: ["bridgekeeper"], verifyByIdentifier: true };
      const hosts = ["news.example.com", "sport.example.com"];
      await on.apps.createClient({ appId: "news", ...one, hosts, allowedOrigins: ["https://www.example.org"] });
      let calls = 0;
      const from = async (host: string, page: string) => {
        calls += 1;
        const data = `{"email":"johndoe${calls}@example.com"}`;
        const args = ["-sS", "-H", `Host: ${host}`, "-H", `Origin: ${page}`, "-H", "Content-Type: application/json"];
        const url = `http://127.0.0.1:${on.app.httpPort}/api/auth/v1/users/send-otp`;
        const { stdout } = await run("curl", [...args, "-w", "%{http_code}", "-o", "/dev/null", "-d", data, url]);
        return Number(stdout);
      };
      expect(await from("news.example.com", "https://news.example.com")).toBe(200);
      expect(await from("sport.example.com", "https://sport.example.com")).toBe(200);
      expect(await from("127.0.0.1", "https://www.example.org")).toBe(200);
      for (const page of ["https://evil.example.com", "http://news.example.com", "https://news.example.com:8443", "null"]) {
        expect([page, await from("news.example.com", page)]).toEqual([page, 403]);
      }
      // Two clients speak it, and the call is from none of them.
      expect(await from("evil.example.com", "https://evil.example.com")).toBe(404);
    });

    it("of another site can't sign the user out", async () => {
      const { session } = await on.signIn({ email }, email);
      const pages: readonly Record<string, string>[] = [
        { "sec-fetch-site": "cross-site" },
        { origin: "https://evil.example.com" },
      ];
      for (const headers of pages) {
        const refused = await on.call("GET", "/logout", { headers: { ...session, ...headers } });
        expect(result(refused)).toEqual({ status: 403, body: failed() });
      }
      expect((await on.call("GET", "/users/me", { headers: session })).status).toBe(200);
      expect((await on.call("GET", "/logout", { headers: { ...session, "sec-fetch-site": "same-origin" } })).status).toBe(204);
    });
  });

  it("every command of docs/migration/bridgekeeper.md works, on a deployment without auto-registration", async () => {
    const url = { LATCHKEY_DATABASE_URL: `sqlite:${join(on.folder, "docs.db")}`, ...(await database()) };
    await latchkey(url, ["migrate"]);
    for (const command of commands.filter((one) => /^latchkey (?!user import)/.test(one))) {
      const argv = command.slice("latchkey ".length).match(/'[^']*'|\S+/g)!;
      const { code, err } = await latchkey(
        url,
        argv.map((word) => word.replaceAll("'", "")),
      );
      expect([command, code, err]).toEqual([command, 0, expect.anything()]);
    }
    const docs = await startBridgekeeper({ ...url, ...commandSecrets, LATCHKEY_AUTO_REGISTRATION: "off" });
    onTestFinished(() => docs.stop());
    const [send, login, me, ...others] = commands.filter((one) => one.startsWith("curl "));
    expect(others).toEqual([]);
    const bash = async (command: string) => {
      const here = command.replace("https://news.example.com/", `http://127.0.0.1:${docs.app.httpPort}/`);
      const { stdout } = await run("bash", ["-c", here.replace("curl ", "curl -sS -H 'Host: news.example.com' ")], {
        cwd: on.folder,
      });
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    expect(await bash(send!)).toEqual({ message: sentBySms });
    // As the last command of the page says.
    const code = await docs.codeTo(phone);
    expect(code).toHaveLength(8);
    expect(await bash(login!.replace("432101", code))).toEqual({ user: byPhone });
    expect(await bash(me!)).toMatchObject({ user: byPhone });
  });
});
