import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type CarrierHttpOptions, createCarrierHttp } from "../../../src/delivery/http/carrier-request.js";
import { resultOfNoAnswer } from "../../../src/delivery/http/carrier-result.js";
import { createAllowed } from "../../../src/outbound/allowed.js";
import { createAuthority } from "../../support/tls.js";

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Listening {
  readonly port: number;
  readonly connections: () => number;
}

async function listen(server: Server): Promise<Listening> {
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

function serve(answer: RequestListener): Promise<Listening> {
  return listen(createServer(answer));
}

/** A server that does as `onConnection` says, without HTTP. */
async function serveTcp(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    closing.push(() => void socket.destroy());
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function client(options: CarrierHttpOptions = {}) {
  const http = createCarrierHttp({
    insecure: true,
    connectTimeoutMs: 300,
    answerTimeoutMs: 300,
    wholeTimeoutMs: 600,
    ...options,
  });
  closing.push(http.close);
  return http;
}

const post = (url: string) => ({ method: "POST" as const, url, headers: { "content-type": "text/plain" }, body: "hello" });

describe("an answer", () => {
  test("comes with its status, its headers and its body, and connections are kept", async () => {
    const server = await serve((request, response) => {
      request.setEncoding("utf8").on("data", (body: string) => {
        response
          .writeHead(201, { "X-Kind": "a", "Set-Cookie": ["a=1", "b=2"] })
          .end(`${request.method} ${request.url} ${body}`);
      });
    });
    const http = client();
    for (let round = 0; round < 3; round += 1) {
      const outcome = await http.request(post(`http://127.0.0.1:${server.port}/a?b=c`));
      expect(outcome).toMatchObject({ kind: "answered", status: 201, headers: { "x-kind": "a", "set-cookie": "a=1, b=2" } });
      expect(outcome.kind === "answered" && outcome.body.toString()).toBe("POST /a?b=c hello");
    }
    expect(server.connections()).toBe(1);
  });

  test("that redirects is returned and not followed", async () => {
    const asked: string[] = [];
    const server = await serve((request, response) => {
      asked.push(String(request.url));
      response.writeHead(302, { location: "/other" }).end();
    });
    expect(await client().request(post(`http://127.0.0.1:${server.port}/`))).toMatchObject({ kind: "answered", status: 302 });
    expect(asked).toEqual(["/"]);
  });

  test("above 64 KiB is not read, and the message perhaps went out", async () => {
    const server = await serve((_request, response) => response.end("a".repeat(64 * 1024 + 1)));
    const outcome = await client().request(post(`http://127.0.0.1:${server.port}/`));
    expect(outcome).toMatchObject({ kind: "perhaps_sent", why: "too_large" });
  });

  test("comes for each of 60 requests over at most as many connections as are set", async () => {
    const server = await serve((request, response) => response.end(request.url));
    const http = client({ connectionsMax: 4, connectTimeoutMs: 5_000, answerTimeoutMs: 5_000, wholeTimeoutMs: 20_000 });
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) => http.request(post(`http://127.0.0.1:${server.port}/${index}`))),
    );
    expect(outcomes.map((outcome) => outcome.kind === "answered" && outcome.body.toString())).toEqual(
      outcomes.map((_, index) => `/${index}`),
    );
    expect(server.connections()).toBeLessThanOrEqual(4);
  });
});

describe("a request that did not leave this machine", () => {
  test("is not sent if nothing listens", async () => {
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const outcome = await client().request(post(`http://127.0.0.1:${port}/`));
    expect(outcome).toEqual({ kind: "not_sent", why: "unreachable", code: "ECONNREFUSED" });
  });

  test("is not sent if the host has no address", async () => {
    const addresses = { allowed: createAllowed([]), resolve: async () => [] };
    const outcome = await client({ addresses }).request(post("https://carrier.example/"));
    expect(outcome).toMatchObject({ kind: "not_sent", why: "name_unknown" });
  });

  test("is not sent if the certificate is of another authority or another host, and no byte of it arrives", async () => {
    const authority = createAuthority();
    const bytes: string[] = [];
    const server = await listen(
      createTlsServer(authority.issue(["other.example"]), (request, response) => {
        bytes.push(String(request.url));
        response.end();
      }) as unknown as Server,
    );
    for (const ca of [undefined, createAuthority().cert, authority.cert]) {
      const outcome = await client({ insecure: false, ca }).request(post(`https://127.0.0.1:${server.port}/secret`));
      expect(outcome).toMatchObject({ kind: "not_sent", why: "tls" });
      expect(resultOfNoAnswer(outcome as never).kind).toBe("unavailable");
    }
    expect(server.connections()).toBe(3);
    expect(bytes).toEqual([]);
  });

  test("is not sent if TLS does not come up in time", async () => {
    const port = await serveTcp(() => {});
    const outcome = await client({ insecure: false }).request(post(`https://127.0.0.1:${port}/`));
    expect(outcome).toMatchObject({ kind: "not_sent", why: "connect_timeout" });
  });

  test("is not sent over http unless the client is insecure, nor with a user in the URL", async () => {
    const server = await serve((_request, response) => response.end());
    const urls = [
      `http://127.0.0.1:${server.port}/`,
      `https://user:password@127.0.0.1:${server.port}/`,
      "ftp://127.0.0.1/",
      "",
    ];
    for (const url of urls) {
      const outcome = await client({ insecure: false }).request(post(url));
      expect(outcome).toMatchObject({ kind: "not_sent", why: "invalid" });
    }
    expect(server.connections()).toBe(0);
  });

  test("is not sent if a header would end its line", async () => {
    const server = await serve((_request, response) => response.end());
    const request = { ...post(`http://127.0.0.1:${server.port}/`), headers: { "x-to": "a\r\nx-other: b" } };
    expect(await client().request(request)).toMatchObject({ kind: "not_sent", why: "invalid" });
    expect(server.connections()).toBe(0);
  });

  test("is not sent after the client is closed", async () => {
    const server = await serve((_request, response) => response.end());
    const http = client();
    http.close();
    expect(await http.request(post(`http://127.0.0.1:${server.port}/`))).toMatchObject({ kind: "not_sent", why: "closed" });
    expect(server.connections()).toBe(0);
  });

  test("is not sent if all connections stay busy", async () => {
    const server = await serve(() => {});
    const http = client({ connectionsMax: 1, answerTimeoutMs: 30_000, wholeTimeoutMs: 300 });
    const [first, second] = await Promise.all([
      http.request(post(`http://127.0.0.1:${server.port}/`)),
      http.request(post(`http://127.0.0.1:${server.port}/`)),
    ]);
    expect(first).toMatchObject({ kind: "perhaps_sent", why: "timeout" });
    expect(second).toMatchObject({ kind: "not_sent", why: "all_connections_busy" });
  });
});

describe("a request that the carrier perhaps read", () => {
  test.each<[string, (socket: Socket) => void, string]>([
    ["gets no answer", () => {}, "timeout"],
    ["meets a reset", (socket) => socket.once("data", () => socket.resetAndDestroy()), "broken"],
    ["meets an end", (socket) => socket.once("data", () => socket.end()), "broken"],
    ["gets nonsense", (socket) => socket.once("data", () => socket.end("nonsense\r\n\r\n")), "broken"],
    [
      "gets half an answer",
      (socket) => socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")),
      "broken",
    ],
    [
      "gets an answer without end",
      (socket) => socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\n\r\nhalf")),
      "timeout",
    ],
  ])("is perhaps sent if it %s", async (_name, onConnection, why) => {
    const port = await serveTcp(onConnection);
    const outcome = await client().request(post(`http://127.0.0.1:${port}/`));
    expect(outcome).toMatchObject({ kind: "perhaps_sent", why });
    expect(resultOfNoAnswer(outcome as never).kind).toBe("unknown");
  });
});

describe("a URL that came over the network", () => {
  test.each([
    "127.0.0.1",
    "[::1]",
    "0.0.0.0",
    "2130706433",
    "169.254.169.254",
    "10.0.0.1",
    "[fe80::1]",
    "[::ffff:127.0.0.1]",
    "private.example",
    "mixed.example",
  ])("reaches no private address: %s", async (host) => {
    const server = await serve((_request, response) => response.end());
    const resolve = async (name: string) => (name === "mixed.example" ? ["8.8.8.8", "127.0.0.1"] : ["127.0.0.1"]);
    const addresses = { allowed: createAllowed([]), resolve };
    const outcome = await client({ addresses }).request(post(`http://${host}:${server.port}/`));
    expect(outcome).toMatchObject({ kind: "not_sent", why: "address_refused" });
    expect(resultOfNoAnswer(outcome as never)).toMatchObject({ kind: "unavailable", isMisconfigured: true });
    expect(server.connections()).toBe(0);
  });

  test("reaches a host that the operator allows, by name or network", async () => {
    const server = await serve((_request, response) => response.end());
    const resolve = async () => ["127.0.0.1"];
    for (const entry of ["carrier.example", "127.0.0.0/8"]) {
      const outcome = await client({ addresses: { allowed: createAllowed([entry]), resolve } }).request(
        post(`http://carrier.example:${server.port}/`),
      );
      expect(outcome).toMatchObject({ kind: "answered", status: 200 });
    }
  });
});

test("interim answers without end are given up at once, not read until the time-out", async () => {
  const port = await serveTcp((socket) => {
    const interim = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(2_000);
    const flood = (): void => {
      while (!socket.destroyed && socket.write(interim));
    };
    socket.on("drain", flood);
    socket.once("data", flood);
  });
  const client = createCarrierHttp({ insecure: true });
  closing.push(() => client.close());
  const outcome = await client.request({ method: "POST", url: `http://127.0.0.1:${port}/`, headers: {}, body: "x" });
  expect(outcome).toMatchObject({ kind: "perhaps_sent", why: "broken" });
});
