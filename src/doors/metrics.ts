import { timingSafeEqual } from "node:crypto";
import { createServer, type Server } from "node:http";
import { formatListen, isLoopback, type Listen } from "../lib/listen.js";
import { sha256 } from "../lib/sha256.js";
import { refuseForeign, refuseForeignPage } from "./same-machine.js";

/** The source of the served metrics. */
export interface MetricsSource {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Connection cap; a scraper needs one connection. */
const connectionsMax = 32;
const connectionsPerAddressMax = 4;

export interface MetricsAccess {
  readonly metricsListen: Listen;
  /** Null if every client that reaches the listener may read the metrics. */
  readonly metricsToken: { reveal(): string } | null;
}

/**
 * Serves `/metrics` for Prometheus on its own listener, because callers have no business with these numbers. Requests of web
 * pages are refused. On loopback a Host other than this machine is refused too, so that no page can use DNS rebinding.
 * Concurrent requests share one collection.
 */
export function createMetricsServer(source: MetricsSource, { metricsListen, metricsToken }: MetricsAccess): Server {
  const collect = shared(() => source.text());
  const foreignOf = isLoopback(metricsListen.host) ? refuseForeign : refuseForeignPage;
  const isAllowed = createTokenCheck(metricsToken?.reveal() ?? null);
  const server = createServer((request, response) => {
    const refuse = (status: number, sentence: string, headers = {}) =>
      response.writeHead(status, { "content-type": "text/plain", connection: "close", ...headers }).end(`${sentence}\n`);
    const foreign = foreignOf(request, "Latchkey's metrics");
    if (foreign !== null) return void refuse(foreign.status, foreign.sentence);
    if (!isAllowed(request.headers.authorization)) {
      return void refuse(401, "Metrics need the bearer token of LATCHKEY_METRICS_TOKEN.", { "www-authenticate": "Bearer" });
    }
    const path = request.url?.split("?")[0];
    if (path !== "/metrics") return void refuse(404, "Metrics are at GET /metrics.");
    if (request.method !== "GET") return void refuse(405, "Metrics are at GET /metrics.", { allow: "GET" });
    collect().then(
      (text) =>
        response
          .writeHead(200, {
            "content-type": source.contentType,
            "cache-control": "no-store",
            "cross-origin-resource-policy": "same-origin",
            "x-content-type-options": "nosniff",
          })
          .end(text),
      () => refuse(500, "The metrics can't be read at the moment."),
    );
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  server.maxConnections = connectionsMax;
  limitPerAddress(server);
  return server;
}

function limitPerAddress(server: Server): void {
  const counts = new Map<string, number>();
  server.on("connection", (socket) => {
    const address = socket.remoteAddress ?? "";
    const count = (counts.get(address) ?? 0) + 1;
    if (count > connectionsPerAddressMax) {
      socket.destroy();
      return;
    }
    counts.set(address, count);
    socket.once("close", () => {
      const left = counts.get(address)! - 1;
      if (left === 0) counts.delete(address);
      else counts.set(address, left);
    });
  });
}

/** Warns if every client that reaches the metrics' address may read them. */
export function warnOfOpenMetrics(
  { metricsListen, metricsToken }: MetricsAccess,
  log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void },
): void {
  if (isLoopback(metricsListen.host) || metricsToken !== null) return;
  const sentence = "the metrics can be read by every machine that reaches their address: set LATCHKEY_METRICS_TOKEN";
  log.warn({ metrics: formatListen(metricsListen) }, sentence);
}

/** Compares hashes, because tokens may differ in length and timing must not reveal how much of a guess is right. */
function createTokenCheck(token: string | null): (authorization: string | undefined) => boolean {
  if (token === null) return () => true;
  const expected = sha256(token);
  return (authorization) => {
    const [, given] = /^bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
    return given !== undefined && timingSafeEqual(sha256(given), expected);
  };
}

/** Calls that arrive during a run get its result. */
function shared<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  return () => {
    running ??= run().finally(() => {
      running = null;
    });
    return running;
  };
}
