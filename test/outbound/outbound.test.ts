import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createOutbound, type OutboundOptions, type OutboundRequest } from "../../src/outbound/outbound.js";
import { createAuthority } from "../support/tls.js";

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
  vi.unstubAllEnvs();
});

/** A server on a loopback address that counts its connections. */
interface Listening {
  readonly port: number;
  readonly connections: () => number;
  readonly urls: readonly string[];
}

async function listen(server: Server, host = "127.0.0.1", port = 0): Promise<Listening> {
  let connections = 0;
  const urls: string[] = [];
  server.on("connection", () => {
    connections += 1;
  });
  server.on("request", (request) => urls.push(String(request.url)));
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections, urls };
}

function serve(answer: RequestListener, host?: string, port?: number): Promise<Listening> {
  return listen(createServer(answer), host, port);
}

const ok: RequestListener = (_request, response) => response.end("ok");

/** Sends a request with loopback allowed unless `options` says otherwise. */
function send(url: string, options: Partial<OutboundOptions> = {}, request: Partial<OutboundRequest> = {}) {
  const outbound = createOutbound({ allowed: ["127.0.0.0/8", "::1"], ...options });
  return outbound.send({ method: "POST", url, headers: {}, body: "{}", timeoutMs: 2_000, ...request });
}

function problemOf(url: string, options: Partial<OutboundOptions> = {}) {
  return createOutbound({ allowed: [], resolve: async () => ["8.8.8.8"], ...options }).problemOf(url);
}

describe("a URL is refused when it is configured and when it is called, and no connection is made", () => {
  const internal = /must not lead to a loopback, private or reserved address/;
  const form = /must be|must have no/;
  it.each([
    ["loopback", "https://127.0.0.1:<port>/", internal],
    ["another loopback address", "https://127.1.2.3:<port>/", internal],
    ["IPv6 loopback", "https://[::1]:<port>/", internal],
    ["this host", "https://0.0.0.0:<port>/", internal],
    ["the unspecified IPv6 address", "https://[::]:<port>/", internal],
    ["a mapped address", "https://[::ffff:7f00:1]:<port>/", internal],
    ["a NAT64 address", "https://[64:ff9b::7f00:1]:<port>/", internal],
    ["a 6to4 address", "https://[2002:7f00:1::]:<port>/", internal],
    ["a link-local address", "https://[fe80::1]:<port>/", internal],
    ["a unique-local address", "https://[fd00:ec2::254]/latest/meta-data/", internal],
    ["the metadata address", "https://169.254.169.254/latest/meta-data/", internal],
    ["a private address", "https://10.0.0.1:<port>/", internal],
    ["a private address", "https://192.168.0.1:<port>/", internal],
    ["a multicast address", "https://224.0.0.1:<port>/", internal],
    ["http to a public address", "http://8.8.8.8/", /must be an https URL: http is only for/],
    ["http to a public name", "http://hooks.example.com/", /must be an https URL: http is only for/],
    ["zero", "https://0:<port>/", form],
    ["a decimal address", "https://2130706433:<port>/", form],
    ["a hexadecimal address", "https://0x7f000001:<port>/", form],
    ["an octal address", "https://0177.0.0.1:<port>/", form],
    ["a short address", "https://127.1:<port>/", form],
    ["a mapped address in dotted form", "https://[::ffff:127.0.0.1]:<port>/", form],
    ["a full-width address", "https://１２７.0.0.1:<port>/", form],
    ["user info", "https://hooks.example.com@127.0.0.1:<port>/", form],
    ["a password", "https://user:secret@hooks.example.com/", form],
    ["a fragment", "https://hooks.example.com/#a", form],
    ["a backslash", "https:\\\\127.0.0.1:<port>\\", form],
    ["a tab", "https://127.0.0\t.1:<port>/", form],
    ["a file", "file:///etc/passwd", form],
    ["gopher", "gopher://127.0.0.1:<port>/_GET", form],
    ["ftp", "ftp://127.0.0.1:<port>/", form],
    ["data", "data:text/plain,hello", form],
    ["javascript", "javascript:alert(1)", form],
    ["no scheme", "//127.0.0.1:<port>/", form],
    ["no host", "https://", form],
    ["nothing", "", form],
    ["a zone", "https://[fe80::1%25lo]:<port>/", form],
    ["port 0", "https://127.0.0.1:0/", form],
    ["a long one", `https://hooks.example.com/${"a".repeat(600)}`, form],
  ])("%s: %s", async (_what, text, problem) => {
    const server = await serve(ok);
    const url = text.replace("<port>", String(server.port));
    expect(await problemOf(url)).toMatch(problem);
    const outcome = await send(url, { allowed: [], resolve: async () => ["8.8.8.8"] });
    expect(outcome.kind).toBe("failed");
    expect(outcome).toHaveProperty("why", expect.stringMatching(/url_invalid|address_refused|https_required/));
    expect(server.connections()).toBe(0);
  });

  it.each([
    ["loopback", ["127.0.0.1"]],
    ["IPv6 loopback", ["::1"]],
    ["a mapped address", ["::ffff:127.0.0.1"]],
    ["a link-local address with a zone", ["fe80::1%lo"]],
    ["the metadata address", ["169.254.169.254"]],
    ["a private address", ["10.1.2.3"]],
    ["a unique-local address", ["fd00::1"]],
    ["this host", ["0.0.0.0"]],
    ["a public and a private address", ["8.8.8.8", "127.0.0.1"]],
    ["a private and a public address", ["127.0.0.1", "8.8.8.8"]],
    ["no address at all", ["localhost"]],
  ])("a name that has %s", async (_what, addresses) => {
    const server = await serve(ok);
    const options = { allowed: [], resolve: async () => addresses };
    const url = `https://hooks.example.com:${server.port}/`;
    expect(await problemOf(url, options)).toMatch(internal);
    expect(await send(url, options)).toEqual({ kind: "failed", why: "address_refused", code: "" });
    expect(server.connections()).toBe(0);
  });

  it("without the URL in the refusal, because it may hold a secret", async () => {
    expect(await problemOf("https://hooks.example.com/Secret path?token=hunter2")).not.toMatch(/hunter2|Secret/);
  });
});

describe("the addresses of a name", () => {
  it("are checked again for each request: one that turns private later is not called", async () => {
    const server = await serve(ok);
    const answers = [["8.8.8.8"], ["127.0.0.1"]];
    const options = { allowed: [], resolve: async () => answers.shift() ?? [] };
    const outbound = createOutbound(options);
    const url = `https://hooks.example.com:${server.port}/`;
    expect(await outbound.problemOf(url)).toBe(null);
    const outcome = await outbound.send({ method: "POST", url, headers: {}, body: "", timeoutMs: 2_000 });
    expect(outcome).toMatchObject({ kind: "failed", why: "address_refused" });
    expect(server.connections()).toBe(0);
  });

  it("are asked for once a request, and the socket connects to the ones that were checked", async () => {
    const checked = await serve(ok, "127.0.0.1");
    const other = await serve(ok, "127.0.0.2", checked.port);
    const answers = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]];
    const resolve = vi.fn(async () => answers.shift() ?? []);
    const outcome = await send(`http://hooks.example.com:${checked.port}/`, { resolve });
    expect(outcome).toMatchObject({ kind: "answered", status: 200 });
    expect(resolve).toHaveBeenCalledTimes(1);
    expect([checked.connections(), other.connections()]).toEqual([1, 0]);
  });

  it("that do not exist now are accepted with https, and a request then fails", async () => {
    const options = { allowed: [], resolve: () => Promise.reject(new Error("ENOTFOUND")) };
    expect(await problemOf("https://hooks.example.com/", options)).toBe(null);
    expect(await problemOf("http://hooks.example.com/", options)).toMatch(/must be an https URL/);
    expect(await send("https://hooks.example.com/", options)).toMatchObject({ kind: "failed", why: "name_unknown" });
  });

  it("that do not come in time end the request", async () => {
    const outcome = await send("https://hooks.example.com/", { resolve: () => new Promise(() => {}) }, { timeoutMs: 50 });
    expect(outcome).toMatchObject({ kind: "failed", why: "timeout" });
  });

  it("are the system's by default", async () => {
    const server = await serve(ok, "127.0.0.1");
    expect(await problemOf("https://localhost/", { resolve: undefined })).toMatch(/must not lead to a loopback/);
    expect(await send(`http://localhost:${server.port}/`)).toMatchObject({ kind: "answered" });
  });
});

describe("LATCHKEY_OUTBOUND_ALLOWED", () => {
  it.each([
    ["an address", "127.0.0.1"],
    ["a network", "127.0.0.0/8"],
    ["a host name", "hooks.example.com"],
  ])("allows %s, over http too", async (_what, entry) => {
    const server = await serve(ok);
    const options = { allowed: [entry], resolve: async () => ["127.0.0.1"] };
    const url = `http://hooks.example.com:${server.port}/`;
    expect(await problemOf(url, options)).toBe(null);
    expect(await send(url, options)).toMatchObject({ kind: "answered", status: 200 });
  });

  it.each([["127.0.0.2"], ["10.0.0.0/8"], ["example.com"], ["other.example.com"]])("allows nothing else: %s", async (entry) => {
    const server = await serve(ok);
    const options = { allowed: [entry], resolve: async () => ["127.0.0.1"] };
    const url = `http://hooks.example.com:${server.port}/`;
    expect(await problemOf(url, options)).toMatch(/must not lead to/);
    expect(await send(url, options)).toMatchObject({ kind: "failed", why: "address_refused" });
    expect(server.connections()).toBe(0);
  });

  it("allows http only if every address is listed", async () => {
    const options = { allowed: ["127.0.0.1"], resolve: async () => ["127.0.0.1", "8.8.8.8"] };
    expect(await problemOf("http://hooks.example.com/", options)).toMatch(/must be an https URL/);
    expect(await send("http://hooks.example.com/", options)).toMatchObject({ kind: "failed", why: "https_required" });
  });
});

describe("a request", () => {
  it("carries its method, headers and body, and gets status and body", async () => {
    let seen: unknown;
    const server = await serve((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += String(chunk)));
      request.on("end", () => {
        seen = { method: request.method, url: request.url, type: request.headers["content-type"], body };
        response.writeHead(201).end("grüße");
      });
    });
    const headers = { "content-type": "application/json" };
    const outcome = await send(`http://127.0.0.1:${server.port}/a?b=c`, {}, { headers, body: '{"name":"Ö"}' });
    expect(seen).toEqual({ method: "POST", url: "/a?b=c", type: "application/json", body: '{"name":"Ö"}' });
    expect(outcome).toEqual({ kind: "answered", status: 201, body: Buffer.from("grüße") });
  });

  it.each([301, 302, 303, 307, 308])("does not follow a redirect: %i", async (status) => {
    const target = await serve(ok);
    const server = await serve((_request, response) => {
      response.writeHead(status, { location: `http://127.0.0.1:${target.port}/` }).end();
    });
    expect(await send(`http://127.0.0.1:${server.port}/`)).toMatchObject({ kind: "answered", status });
    expect([server.connections(), target.connections()]).toEqual([1, 0]);
  });

  it("uses no proxy that the environment names", async () => {
    const proxy = await serve(ok);
    const server = await serve(ok);
    vi.stubEnv("NODE_USE_ENV_PROXY", "1");
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]) {
      vi.stubEnv(name, `http://127.0.0.1:${proxy.port}`);
    }
    expect(await send(`http://127.0.0.1:${server.port}/`)).toMatchObject({ kind: "answered" });
    await send(`https://127.0.0.1:${server.port}/`);
    expect(proxy.connections()).toBe(0);
    expect(server.connections()).toBe(2);
  });

  it("reads at most 64 KiB", async () => {
    const server = await serve((request, response) => response.end("a".repeat(Number(request.url!.slice(1)))));
    const url = (size: number) => `http://127.0.0.1:${server.port}/${size}`;
    expect(await send(url(64 * 1024))).toMatchObject({ kind: "answered" });
    expect(await send(url(64 * 1024 + 1))).toEqual({ kind: "failed", why: "too_large", code: "" });
  });

  it("ends the connection of an endless answer", async () => {
    const closed = event();
    const server = await serve((_request, response) => {
      const feed = (): void => {
        while (response.write("a".repeat(16_384)));
      };
      response.on("drain", feed).on("close", () => closed.resolve());
      feed();
    });
    expect(await send(`http://127.0.0.1:${server.port}/`)).toMatchObject({ kind: "failed", why: "too_large" });
    await closed.promise;
  });

  it.each([
    ["no answer", () => {}],
    ["headers alone", (socket: Socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")],
    ["a body that stops", (socket: Socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")],
    ["a body that drips", (socket: Socket) => drip(socket, "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", "a")],
    ["headers that drip", (socket: Socket) => drip(socket, "HTTP/1.1 200 OK\r\nx: ", "a")],
    ["interim answers without end", (socket: Socket) => drip(socket, "", "HTTP/1.1 102 Processing\r\n\r\n")],
  ])("has one time limit for everything: %s", async (_what, answer) => {
    const closed = event();
    const server = createTcpServer((socket) => {
      socket.on("error", () => {}).on("close", () => closed.resolve());
      socket.once("data", () => answer(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const outcome = await send(`http://127.0.0.1:${port}/`, {}, { timeoutMs: 150 });
    expect(outcome).toMatchObject({ kind: "failed", why: "timeout" });
    await closed.promise;
  });

  it("fails if nothing listens, and names the error", async () => {
    const server = createServer(ok);
    const { port } = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await send(`http://127.0.0.1:${port}/`)).toEqual({ kind: "failed", why: "unreachable", code: "ECONNREFUSED" });
  });

  it.each([
    ["an answer that is not HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["a body that is cut off", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"],
    ["large headers", `HTTP/1.1 200 OK\r\nx: ${"a".repeat(20_000)}\r\n\r\n`],
    ["a change of protocol", "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"],
  ])("fails on %s", async (_what, answer) => {
    const server = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    expect(await send(`http://127.0.0.1:${port}/`)).toMatchObject({ kind: "failed", why: "unreachable" });
  });
});

describe("over https", () => {
  const authority = createAuthority();

  async function serveTls(name: string): Promise<Listening> {
    return await listen(createTlsServer(authority.issue([name]), ok) as unknown as Server);
  }

  const at = { resolve: async () => ["127.0.0.1"], ca: authority.cert };

  it("the certificate must name the host", async () => {
    const { port } = await serveTls("hooks.example.com");
    expect(await send(`https://hooks.example.com:${port}/`, at)).toMatchObject({ kind: "answered", status: 200 });
    expect(await send(`https://other.example.com:${port}/`, at)).toEqual({
      kind: "failed",
      why: "unreachable",
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  });

  it("the certificate must be of a known authority, whatever the environment says", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const { port, urls } = await serveTls("hooks.example.com");
    const outcome = await send(`https://hooks.example.com:${port}/`, { ...at, ca: undefined });
    expect(outcome).toMatchObject({ kind: "failed", why: "unreachable" });
    expect(urls).toEqual([]);
  });
});

/** A promise with the function that resolves it. */
function event(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Writes a text and then another one again and again. */
function drip(socket: Socket, first: string, then: string): void {
  socket.write(first);
  const timer = setInterval(() => socket.write(then), 10);
  socket.on("close", () => clearInterval(timer));
}
