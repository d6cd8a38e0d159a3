import { createServer, type Server } from "node:http";
import { refuseForeign } from "./same-machine.js";

/** What is served. */
export interface MetricsSource {
  readonly contentType: string;
  text(): Promise<string>;
}

/** A scraper needs one; more are nobody who wants to be served. */
const connectionsMax = 32;

/**
 * Serves `/metrics` for Prometheus. For a loopback listener of its own: the numbers tell how a deployment is doing, which is nobody
 * else's business, and no web page's. A scraper on another machine reaches it through a proxy or tunnel of the operator's, which
 * sends the listener's own address as Host. Those who ask at once share one collection.
 */
export function createMetricsServer(source: MetricsSource): Server {
  const collect = shared(() => source.text());
  const server = createServer((request, response) => {
    const refuse = (status: number, sentence: string, headers = {}) =>
      response.writeHead(status, { "content-type": "text/plain", ...headers }).end(`${sentence}\n`);
    const foreign = refuseForeign(request, "Latchkey's metrics");
    if (foreign !== null) return void refuse(foreign.status, foreign.sentence);
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
      () => refuse(500, "The metrics can't be read just now."),
    );
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  server.maxConnections = connectionsMax;
  return server;
}

/** Calls that come while one is under way get its result. */
function shared<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  return () => {
    running ??= run().finally(() => {
      running = null;
    });
    return running;
  };
}
