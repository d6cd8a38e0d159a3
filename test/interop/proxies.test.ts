import { get } from "node:http";
import { request } from "node:https";
import type { LookupFunction } from "node:net";
import { text } from "node:stream/consumers";
import type { DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGrpcClient } from "../../src/client/grpc.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { createAuthority } from "../support/tls.js";
import { codeTo } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { hasProxies, hostName, type RunningProxy, startCaller, startProxy } from "./support/proxies.js";

const reason = "nginx or caddy is missing here: `.ci/run` brings them, or `apt-get install nginx caddy`";
const skipped = process.env.CI !== "true" && !hasProxies();
if (skipped) console.warn(`skipped: ${reason}`);

const authority = createAuthority();
const { method } = AuthService;
type Headers = Readonly<Record<string, string>>;

interface Caller {
  call<D extends DescMethodUnary>(
    of: D,
    message: MessageInitShape<D["input"]>,
    headers?: Headers,
  ): Promise<MessageShape<D["output"]>>;
  close(): void;
}

/** The example's host name is at the port on this machine. */
const lookup: LookupFunction = (_name, { all }, done) =>
  all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
const nodeOptions = { ca: authority.cert, lookup };

const protocols: Readonly<Record<string, (port: number) => Caller>> = {
  "native gRPC"(port) {
    const channel = {
      "grpc.ssl_target_name_override": hostName,
      "grpc.default_authority": hostName,
      "grpc.use_local_subchannel_pool": 1,
    };
    const client = createGrpcClient(`127.0.0.1:${port}`, credentials.createSsl(Buffer.from(authority.cert)), { channel });
    return {
      async call(of, message, headers = {}) {
        const metadata = new Metadata();
        for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
        // The union of the methods' types is too large for the compiler.
        const calls = client as unknown as Readonly<Record<string, (request: unknown, options: object) => Promise<never>>>;
        return await calls[of.localName]!(message, { metadata });
      },
      close: () => client.close(),
    };
  },
  "gRPC-Web": (port) =>
    overHttp(createGrpcWebTransport({ baseUrl: `https://${hostName}:${port}`, httpVersion: "1.1", nodeOptions })),
  "Connect over HTTP/1.1": (port) =>
    overHttp(createConnectTransport({ baseUrl: `https://${hostName}:${port}`, httpVersion: "1.1", nodeOptions })),
  "Connect over HTTP/2": (port) =>
    overHttp(createConnectTransport({ baseUrl: `https://${hostName}:${port}`, httpVersion: "2", nodeOptions })),
};

function overHttp(transport: ReturnType<typeof createConnectTransport>): Caller {
  return {
    call: async (of, message, headers) =>
      (await transport.unary(of, undefined, undefined, headers, message as never)).message as never,
    close() {},
  };
}

/** Signs in with a code, and gives the network address that the new session has. */
async function addressOfSignIn(latchkey: Latchkey, caller: Caller, email: string, headers: Headers = {}): Promise<string> {
  const { challenge } = await caller.call(
    method.sendOtp,
    { identifier: { case: "email", value: email }, createUserIfMissing: true },
    headers,
  );
  const { challengeId } = challenge!;
  const code = await codeTo(latchkey, challengeId);
  const { tokens } = await caller.call(method.verifyOtp, { challengeId, code }, headers);
  const authorization = `Bearer ${tokens!.accessToken}`;
  const { sessions } = await caller.call(method.listSessions, {}, { ...headers, authorization });
  return sessions.find(({ current }) => current)!.ip;
}

describe.skipIf(skipped)("behind a proxy", () => {
  let latchkey: Latchkey;
  beforeAll(async () => {
    if (!hasProxies()) throw new Error(reason);
    latchkey = await startLatchkey({ LATCHKEY_TLS: "terminated", LATCHKEY_TRUSTED_PROXIES: "127.0.0.1" });
  });
  afterAll(async () => await latchkey?.stop());

  it("Latchkey believes the X-Forwarded-For that the address of the proxy sends", async () => {
    const direct = overHttp(createConnectTransport({ baseUrl: latchkey.issuer, httpVersion: "1.1" }));
    const headers = { "x-forwarded-for": "203.0.113.7" };
    expect(await addressOfSignIn(latchkey, direct, "believed@example.com", headers)).toBe("203.0.113.7");
  });

  describe.each(["nginx", "caddy"] as const)("%s, by its example file,", (name) => {
    let proxy: RunningProxy;
    beforeAll(async () => {
      proxy = await startProxy(name, latchkey.ports, authority.issue([hostName]));
    });
    afterAll(async () => await proxy?.stop());

    describe.each(Object.entries(protocols))("over %s", (protocol, connect) => {
      const email = (what: string) => `${what}-${name}-${protocol.replace(/\W/g, "-")}@example.com`.toLowerCase();
      // One each, because nginx limits the calls of an address.
      const callerAddress = `127.0.1.${Object.keys(protocols).indexOf(protocol) + 1}`;
      let far: Awaited<ReturnType<typeof startCaller>>;
      let caller: Caller;
      beforeAll(async () => {
        far = await startCaller(callerAddress, proxy.port);
        caller = connect(far.port);
      });
      afterAll(() => {
        caller?.close();
        far?.stop();
      });

      it("signs a user in, whose session has the caller's network address", async () => {
        expect(await addressOfSignIn(latchkey, caller, email("honest"))).toBe(callerAddress);
      });

      it.each([
        { what: "one address", forged: "203.0.113.7" },
        { what: "a chain that ends at a trusted proxy", forged: "203.0.113.7, 127.0.0.1" },
      ])("does not believe an X-Forwarded-For that the caller sends: $what", async ({ what, forged }) => {
        const address = await addressOfSignIn(latchkey, caller, email(what.length.toString()), { "x-forwarded-for": forged });
        expect(address).toBe(callerAddress);
      });

      // Twenty, because a proxy that flushes headers early loses the status of some refusals over gRPC.
      it("passes refusals on", async () => {
        for (let count = 0; count < 20; count += 1) {
          const refused = caller.call(method.verifyOtp, { challengeId: "AAAAAAAAAAAAAAAAAAAAAA", code: "000000" });
          expect(await codeOf(refused)).toBe(Code.Unauthenticated);
        }
      });

      it("answers a message that is too large with RESOURCE_EXHAUSTED or UNAVAILABLE, and goes on", async () => {
        const large = { token: "x".repeat(40_000) };
        // Over native gRPC the proxy may take the early end of the stream for a broken server.
        expect([Code.ResourceExhausted, Code.Unavailable]).toContain(await codeOf(caller.call(method.revokeToken, large)));
        await caller.call(method.revokeToken, { token: "garbage" });
      });
    });

    it("leads to the published documents and the health checks", async () => {
      for (const path of [
        "/readyz",
        "/healthz",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/openapi.json",
      ])
        expect([path, (await page(path)).status]).toEqual([path, 200]);
    });

    it("leads neither to the metrics nor to the developer inbox", async () => {
      for (const path of ["/metrics", "/messages"]) expect([path, (await page(path)).status]).toEqual([path, 404]);
    });

    it("sends callers from HTTP to HTTPS", async () => {
      const options = { host: "127.0.0.1", port: proxy.plainPort, path: "/readyz", headers: { host: hostName } };
      const answer = await new Promise<{ status: number; location: string | undefined }>((resolve, reject) =>
        get(options, (response) => {
          response.resume();
          resolve({ status: response.statusCode!, location: response.headers.location });
        }).on("error", reject),
      );
      expect(answer.status).toBe(308);
      expect(answer.location).toMatch(/^https:\/\/auth\.example\.com(:\d+)?\/readyz$/);
    });

    const page = async (path: string) => {
      const options = { host: hostName, port: proxy.port, path, ca: authority.cert, lookup };
      return await new Promise<{ status: number; body: string }>((resolve, reject) =>
        request(
          options,
          (response) => void text(response).then((body) => resolve({ status: response.statusCode!, body }), reject),
        )
          .on("error", reject)
          .end(),
      );
    };
  });

  describe("the rate limit of nginx", () => {
    let proxy: RunningProxy;
    const callers: { stop(): void }[] = [];
    const from = async (address: string, protocol: string): Promise<Caller> => {
      const far = await startCaller(address, proxy.port);
      const caller = protocols[protocol]!(far.port);
      callers.push(far, { stop: () => caller.close() });
      return caller;
    };
    beforeAll(async () => {
      proxy = await startProxy("nginx", latchkey.ports, authority.issue([hostName]));
    });
    afterAll(async () => {
      for (const one of callers.reverse()) one.stop();
      await proxy?.stop();
    });
    const many = async (caller: Caller): Promise<readonly (Code | undefined)[]> =>
      await Promise.all(Array.from({ length: 100 }, () => codeOf(caller.call(method.revokeToken, { token: "garbage" }))));

    it.each([
      ["native gRPC", "127.0.0.11", Code.ResourceExhausted],
      ["Connect over HTTP/2", "127.0.0.12", Code.ResourceExhausted],
      ["gRPC-Web", "127.0.0.13", Code.Unavailable],
    ])("over %s lets 41 calls at once through and refuses most of the others", async (protocol, address, refusal) => {
      const codes = await many(await from(address, protocol));
      const passed = codes.filter((code) => code === undefined).length;
      expect(passed).toBeGreaterThanOrEqual(41);
      expect(passed).toBeLessThan(100);
      expect(new Set(codes.filter((code) => code !== undefined))).toEqual(new Set([refusal]));
    });

    it("counts each address by itself", async () => {
      await many(await from("127.0.0.14", "native gRPC"));
      await (await from("127.0.0.15", "native gRPC")).call(method.revokeToken, { token: "garbage" });
    });
  });
});

/** What the call fails with; undefined: it does not. */
async function codeOf(answer: Promise<unknown>): Promise<Code | undefined> {
  return await answer.then(
    () => undefined,
    (error: unknown) => (error instanceof ConnectError ? error.code : ((error as ServiceError).code as number as Code)),
  );
}
