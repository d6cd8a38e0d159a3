import { once } from "node:events";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toTlsOptions } from "../../../src/doors/tls.js";
import type { SessionCookie } from "../../../src/model/caller.js";
import { wireError } from "../../../src/rpc/errors.js";
import type { ServedService } from "../../../src/rpc/pipeline.js";
import { createFakeApp, type Doors, openDoors } from "../../support/rpc.js";
import { createAuthority } from "../../support/tls.js";
import { deferred, frame, openSession, rawGrpc, rawTcp } from "../raw.js";

const path = "/latchkey.v1.AuthService/GetCurrentUser";
const authority = createAuthority();
const tls = toTlsOptions({ ...authority.issue(["localhost", "127.0.0.1"]), clientCa: null });

/** What the methods saw, and what they do with the cookie. */
let seen: (SessionCookie | null)[];
let act: (cookie: SessionCookie | null) => Promise<void> | void;
let plain: Doors;
let secure: Doors;

function watched(service: ServedService): ServedService {
  const methods = service.methods.map((served) => ({
    ...served,
    call: async ({ cookie }: { readonly cookie: SessionCookie | null }) => {
      seen.push(cookie);
      await act(cookie);
      return create(served.method.output);
    },
  }));
  return { ...service, methods };
}

beforeEach(async () => {
  seen = [];
  act = () => {};
  const app = createFakeApp();
  const service = watched(app.service);
  plain = await openDoors({ ...app, service });
  secure = await openDoors({ ...app, service }, { tls });
});
afterEach(async () => void (await Promise.all([plain.stop(), secure.stop()])));

const json = { "content-type": "application/json", "connect-protocol-version": "1" };
const asking = { ...json, "x-latchkey-session": "cookie" };

async function post(headers: Record<string, string>, body: BodyInit = "{}") {
  return await fetch(`${plain.webUrl}${path}`, { method: "POST", headers, body });
}

/** As the bytes of HTTP/1.1, where a header may come twice. */
async function postRaw(lines: readonly string[]): Promise<string> {
  const head = [`POST ${path} HTTP/1.1`, "host: localhost", "connection: close", "content-length: 2", ...lines];
  const text = [...head, "content-type: application/json", "connect-protocol-version: 1", "", "{}"].join("\r\n");
  return await rawTcp(plain.webUrl, Buffer.from(text, "latin1"));
}

async function postHttp2(headers: Record<string, string | string[]>, body: Uint8Array = Buffer.from("{}")) {
  const session = openSession(secure.webUrl, { ca: authority.cert });
  try {
    return await rawGrpc(session, { path, headers: { ...json, te: undefined, ...headers }, body: [body] });
  } finally {
    session.close();
  }
}

describe("a call that does not ask for the cookie", () => {
  it("has none over Connect, Connect's GET, gRPC-Web and HTTP/2, though the browser sends it", async () => {
    const cookie = "__Host-latchkey=lkc_1";
    await post({ ...json, cookie });
    await fetch(`${plain.webUrl}${path}?connect=v1&encoding=json&message=%7B%7D`, { headers: { cookie } });
    await post({ "content-type": "application/grpc-web+proto", cookie }, frame(new Uint8Array()) as BodyInit);
    await postHttp2({ cookie });
    expect(seen).toEqual([null, null, null, null]);
  });
});

describe("a call that asks for the cookie", () => {
  const credentials = () => seen.map((cookie) => cookie?.credential);

  it("has its value over Connect, Connect's GET, gRPC-Web and HTTP/2", async () => {
    const headers = { "x-latchkey-session": "cookie", cookie: "a=b; __Host-latchkey=lkc_1; c=d" };
    await post({ ...json, ...headers });
    await fetch(`${plain.webUrl}${path}?connect=v1&encoding=json&message=%7B%7D`, { headers });
    await post({ ...headers, "content-type": "application/grpc-web+proto" }, frame(new Uint8Array()) as BodyInit);
    await postHttp2(headers);
    expect(credentials()).toEqual(["lkc_1", "lkc_1", "lkc_1", "lkc_1"]);
  });

  it("may have none yet", async () => {
    await post(asking);
    await post({ ...asking, cookie: "theme=dark" });
    expect(seen).toHaveLength(2);
    expect(credentials()).toEqual([undefined, undefined]);
  });

  it.each([
    ["another case", "__host-latchkey=lkc_1"],
    ["a longer name", "__Host-latchkey2=lkc_1"],
    ["a name before it", "x__Host-latchkey=lkc_1"],
    ["no value", "__Host-latchkey"],
    ["a space before the equals sign", "__Host-latchkey =lkc_1"],
    ["a no-break space before it", "\u00a0__Host-latchkey=lkc_1"],
    ["a control character before it", "\v__Host-latchkey=lkc_1"],
    ["the name in the value of another one", "a=__Host-latchkey=lkc_1"],
  ])("does not have a cookie that looks alike: %s", async (_what, cookie) => {
    await postRaw(["x-latchkey-session: cookie", `cookie: ${cookie}`]);
    const withOwn = await postRaw(["x-latchkey-session: cookie", `cookie: ${cookie}; __Host-latchkey=lkc_2`]);
    // A control character is refused by the HTTP parser.
    if (withOwn.startsWith("HTTP/1.1 400")) expect(seen).toEqual([]);
    else expect(credentials()).toEqual([undefined, "lkc_2"]);
  });

  it("L05: has no value if several cookies have the name, in one header, in two, and in the pieces of HTTP/2", async () => {
    const two = ["__Host-latchkey=attacker", "__Host-latchkey=owner"] as const;
    await post({ ...asking, cookie: two.join("; ") });
    await post({ ...asking, cookie: `${two[1]}; ${two[1]}` });
    await postRaw(["x-latchkey-session: cookie", ...two.map((one) => `cookie: ${one}`)]);
    await postHttp2({ "x-latchkey-session": "cookie", cookie: [...two] });
    expect(credentials()).toEqual([null, null, null, null]);
  });

  it("reads 16 kB of white space and semicolons in no time", async () => {
    for (const filling of [" ", "; ", "\t;", "__Host-latchkey"]) {
      const cookie = `a=b;${filling.repeat(15_000 / filling.length)}x; __Host-latchkey=lkc_1`;
      const startedAt = performance.now();
      await post({ ...asking, cookie });
      expect(performance.now() - startedAt).toBeLessThan(1000);
    }
    expect(credentials()).toEqual(["lkc_1", "lkc_1", "lkc_1", "lkc_1"]);
  });
});

describe("any other value of x-latchkey-session", () => {
  it.each(["token", "none", "Cookie", "cookie, cookie", "cookie; a=b", "true"])(
    "is refused with what to do, and the method does not run: %s",
    async (value) => {
      const response = await post({ ...json, "x-latchkey-session": value, cookie: "__Host-latchkey=lkc_1" });
      const body = (await response.json()) as { message: string; details: { debug: { reason: string } }[] };
      expect(response.status).toBe(400);
      expect(body.details[0]?.debug.reason).toBe("REQUEST_INVALID");
      expect(body.message).toBe(
        'The header x-latchkey-session has only one value and that is "cookie". Send it once or leave it out.',
      );
      expect(seen).toEqual([]);
    },
  );

  it("is refused over gRPC-Web, when it is empty, and when it comes twice", async () => {
    const message = frame(new Uint8Array()) as BodyInit;
    const response = await post({ "content-type": "application/grpc-web+proto", "x-latchkey-session": "token" }, message);
    expect(await response.text()).toContain("grpc-status: 3\r\n");
    expect(await postRaw(["x-latchkey-session:"])).toContain("REQUEST_INVALID");
    expect(await postRaw(["x-latchkey-session: cookie", "x-latchkey-session: cookie"])).toContain("REQUEST_INVALID");
    expect(seen).toEqual([]);
  });
});

describe("the cookie of an answer", () => {
  const set = "__Host-latchkey=lkc_new; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Lax";
  const cleared = "__Host-latchkey=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax";

  it("L04: is host-only, secure and out of reach of scripts, over Connect, gRPC-Web and HTTP/2", async () => {
    act = (cookie) => cookie!.set("lkc_new", { maxAgeSeconds: 86_400 });
    const answer = await post(asking);
    expect(answer.headers.getSetCookie()).toEqual([set]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const grpcWeb = { "content-type": "application/grpc-web+proto", "x-latchkey-session": "cookie" };
    expect((await post(grpcWeb, frame(new Uint8Array()) as BodyInit)).headers.getSetCookie()).toEqual([set]);
    expect((await postHttp2({ "x-latchkey-session": "cookie" })).headers["set-cookie"]).toEqual([set]);
  });

  it("is removed with the attributes that it was set with", async () => {
    act = (cookie) => cookie!.clear();
    expect((await post(asking)).headers.getSetCookie()).toEqual([cleared]);
    expect((await postHttp2({ "x-latchkey-session": "cookie" })).headers["set-cookie"]).toEqual([cleared]);
  });

  it("is the last one that the method chose, and comes with a refusal too", async () => {
    act = (cookie) => {
      cookie!.set("lkc_new", { maxAgeSeconds: 86_400 });
      cookie!.clear();
      throw wireError("TOKEN_INVALID");
    };
    const answer = await post(asking);
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([401, [cleared]]);
  });

  it("is absent unless the method sets one", async () => {
    expect((await post({ ...asking, cookie: "__Host-latchkey=lkc_1" })).headers.getSetCookie()).toEqual([]);
  });

  it.each(["HTTP/1.1", "HTTP/2"])("over %s, is dropped without an error when the answer has been sent", async (version) => {
    const answered = deferred();
    let late: Promise<void> | undefined;
    act = (cookie) => {
      late = answered.promise.then(() => cookie!.set("lkc_new", { maxAgeSeconds: 1 }));
    };
    if (version === "HTTP/1.1") await (await post(asking)).text();
    else await postHttp2({ "x-latchkey-session": "cookie" });
    answered.resolve();
    await expect(late).resolves.toBeUndefined();
  });

  it.each(["HTTP/1.1", "HTTP/2"])("over %s, is dropped without an error when the caller is gone", async (version) => {
    const [arrived, gone, done] = [deferred(), deferred(), deferred<unknown>()];
    act = async (cookie) => {
      arrived.resolve();
      await gone.promise;
      try {
        done.resolve(cookie!.set("lkc_new", { maxAgeSeconds: 1 }));
      } catch (error) {
        done.resolve(error);
      }
    };
    if (version === "HTTP/1.1") {
      const caller = new AbortController();
      const init = { method: "POST", headers: asking, body: "{}", signal: caller.signal };
      const call = fetch(`${plain.webUrl}${path}`, init).catch(() => {});
      await arrived.promise;
      caller.abort();
      await call;
    } else {
      const session = openSession(secure.webUrl, { ca: authority.cert });
      const stream = session.request({ ":method": "POST", ":path": path, ...asking });
      stream.on("error", () => {});
      stream.end("{}");
      await arrived.promise;
      stream.close(8);
      await once(stream, "close");
      session.destroy();
    }
    gone.resolve();
    expect(await done.promise).toBeUndefined();
  });
});

describe("gRPC on the web door", () => {
  it("has no cookies, whatever its headers say", async () => {
    const headers = { "content-type": "application/grpc", te: "trailers", cookie: "__Host-latchkey=lkc_1" };
    for (const asked of ["cookie", "token"]) {
      const answer = await postHttp2({ ...headers, "x-latchkey-session": asked }, frame(new Uint8Array()));
      expect(answer.headers["grpc-status"]).toBe("0");
    }
    expect(seen).toEqual([null, null]);
  });
});
