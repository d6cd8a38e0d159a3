import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClientKind } from "../../../../src/gen/latchkey/v1/client_pb.js";
import { testEngines } from "../../../support/engines.js";
import { bearer, email, type Session, type Supabase, startSupabase } from "./supabase-fixtures.js";

const host = "news.example.com";

describe.each(testEngines())("the page of a client's own host, on $engine", ({ database }) => {
  let on: Supabase;
  let session: Session;
  beforeAll(async () => {
    on = await startSupabase(await database());
    await on.apps.updateClient({ clientId: "default-web", hosts: [host], updateMask: { paths: ["hosts"] } });
    await on.apps.createApp({ appId: "shop", displayName: "Shop" });
    await on.apps.createClient({ appId: "shop", clientId: "shop-web", kind: ClientKind.PUBLIC, dialects: ["supabase"] });
    expect((await call("POST", "/otp", { host }, { email })).status).toBe(200);
    const token = await on.codeTo(email);
    const verified = await call("POST", "/verify", { host, origin: `http://${host}` }, { type: "email", email, token });
    session = JSON.parse(verified.text) as Session;
  });
  afterAll(() => on.stop());

  /** `fetch` sets no `host`. */
  function call(method: string, path: string, headers: Readonly<Record<string, string>>, body?: object) {
    return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
      const all = { "content-type": "application/json", ...headers };
      const url = `http://127.0.0.1:${on.app.httpPort}/auth/v1${path}`;
      const sent = request(url, { method, headers: all }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode!, text }));
      });
      sent.on("error", reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
  const user = (headers: Readonly<Record<string, string>>) => call("GET", "/user", { ...bearer(session), ...headers });

  it.each([host, `${host}:8080`, "NEWS.example.com"])("may sign in and read the user at %s", async (at) => {
    const origin = `http://${at.toLowerCase()}`;
    expect((await user({ host: at, origin })).status).toBe(200);
    on.clock.advance(4 * 60_000);
    expect((await call("POST", "/resend", { host: at, origin }, { type: "signup", email })).status).toBe(200);
  });

  it.each([
    ["another host", host, "http://evil.example"],
    ["another port", host, `http://${host}:8080`],
    ["a host with a name before it", `${host}:80@evil.example`, "http://evil.example"],
    ["an origin with a name before it", host, `http://evil@${host}`],
    ["an origin with a path", host, `http://${host}/x`],
    ["a host that is not the client's", "evil.example", "http://evil.example"],
    ["no host of a page", host, "null"],
  ])("%s is another page, which reads and sends nothing", async (_, at, origin) => {
    expect((await user({ host: at, origin })).status).toBe(403);
    const sent = await call("POST", "/otp", { host: at, origin, apikey: "default-web" }, { phone: "+12345678901" });
    expect(sent.status).toBe(403);
    expect(await on.inbox()).not.toContain("+12345678901");
  });
});
