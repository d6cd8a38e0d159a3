import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { TlsOptions } from "node:tls";
import { atMost } from "../../lib/at-most.js";
import { type ConnectionLimits, limitConnections } from "../connections.js";
import { listenOn } from "../listener.js";
import { createRunning } from "../running.js";
import type { Bodies } from "./body.js";
import type { WebRequest, WebResponse } from "./types.js";

export interface WebServer {
  listen(host: string, port: number): Promise<number>;
  /** New connections use these options; the server must have been made with TLS. */
  renewTls(options: TlsOptions): void;
  /** Takes no more connections, lets running requests end for up to `ms`, and closes. */
  drain(ms: number): Promise<void>;
}

export interface WebServerOptions {
  readonly tls: TlsOptions | null;
  readonly connections: ConnectionLimits;
  readonly bodies: Bodies;
  readonly handle: (request: WebRequest, response: WebResponse) => void;
}

const headersTimeoutMs = 10_000;
const requestTimeoutMs = 30_000;
const maxHeaderSize = 16 * 1024;
/** Longer than the minute for which balancers keep idle connections: otherwise they would send requests into closed ones. */
const keepAliveMs = 75_000;

const inactivityMs = 80_000;

/** HTTP/1.1; with TLS also HTTP/2. A time limit ends every connection that makes no progress. */
export function createWebServer({ tls, connections: limits, bodies, handle }: WebServerOptions): WebServer {
  let draining = false;
  const running = createRunning();
  const sessions = new Set<ServerHttp2Session>();

  function onRequest(request: WebRequest, response: WebResponse): void {
    const end = running.begin();
    // Requests of HTTP/2 are counted as streams of their session.
    const ended = "stream" in request ? undefined : connections.begin(request.socket);
    if (!("stream" in request)) bodies.addHttp1(request);
    response.once("close", () => {
      ended?.();
      end();
    });
    if (draining && "shouldKeepAlive" in response) response.shouldKeepAlive = false;
    handle(request, response);
  }

  function onStream(stream: ServerHttp2Stream, _headers: unknown, flags: number, rawHeaders: readonly string[]): void {
    limitStream(stream);
    bodies.addStream(stream, flags, rawHeaders);
  }

  const server = tls === null ? createPlain(onRequest) : createSecure(tls, { onRequest, onStream, sessions });
  server.headersTimeout = headersTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  server.keepAliveTimeout = keepAliveMs;
  // This also ends connections whose callers never read the answers.
  server.setTimeout(inactivityMs);
  const connections = limitConnections(server, limits);
  server.on("session", connections.addSession);

  return {
    listen: (host, port) => listenOn(server, host, port),
    renewTls: (renewed) => "setSecureContext" in server && server.setSecureContext(renewed),
    async drain(ms) {
      draining = true;
      const closed = new Promise((resolve) => server.close(resolve));
      for (const session of sessions) session.close();
      server.closeIdleConnections();
      await atMost(ms, running.idle());
      await atMost(lastBytesMs, closed);
      for (const socket of connections.sockets) socket.destroy();
      await closed;
    },
  };
}

type OnRequest = (request: WebRequest, response: WebResponse) => void;

/** How long a finished answer may take to be sent. */
const lastBytesMs = 200;

/** How often Node looks for connections that are past their time. */
const connectionsCheckingInterval = 2000;

function createPlain(onRequest: OnRequest): HttpServer {
  return createHttpServer({ maxHeaderSize, connectionsCheckingInterval, noDelay: true }, onRequest);
}

/** An HTTP/2 server that also speaks HTTP/1.1 has the time limits of HTTP/1.1, which its type does not declare. */
type SecureServer = Http2SecureServer &
  Pick<HttpServer, "headersTimeout" | "requestTimeout" | "keepAliveTimeout" | "closeIdleConnections">;

interface SecureParts {
  readonly onRequest: OnRequest;
  readonly onStream: (stream: ServerHttp2Stream, headers: unknown, flags: number, rawHeaders: readonly string[]) => void;
  readonly sessions: Set<ServerHttp2Session>;
}

function createSecure(tls: TlsOptions, { onRequest, onStream, sessions }: SecureParts): SecureServer {
  const options = {
    ...tls,
    allowHTTP1: true,
    maxHeaderSize,
    noDelay: true,
    settings: { maxConcurrentStreams: 100, maxHeaderListSize: 8 * 1024 },
    maxSessionMemory: 10,
    // Half of Node's default: no real client resets a hundred calls at once.
    streamResetBurst: 100,
    streamResetRate: 20,
  };
  const server = createSecureServer(options, onRequest) as SecureServer;
  server.setTimeout(keepAliveMs);
  // Node answers some streams itself, such as those with an unknown `Expect` header, and emits no request for them.
  server.prependListener("stream", onStream);
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.on("sessionError", () => {});
  server.on("secureConnection", (socket) => socket.on("error", () => socket.destroy()));
  return server;
}

/** The server's request timeout does not apply to HTTP/2 streams. */
function limitStream(stream: ServerHttp2Stream): void {
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), requestTimeoutMs);
  stream.once("close", () => clearTimeout(timer));
}
