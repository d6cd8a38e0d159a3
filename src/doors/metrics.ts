import { createServer, type Server } from "node:http";

/** What is served. */
export interface MetricsSource {
  readonly contentType: string;
  text(): Promise<string>;
}

/**
 * Serves `/metrics` for Prometheus. For a loopback listener of its own: the numbers tell how a deployment is doing, which is nobody
 * else's business. A scraper on another machine reaches it through a proxy or tunnel of the operator's.
 */
export function createMetricsServer(source: MetricsSource): Server {
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (request.method !== "GET" || path !== "/metrics") {
      response.writeHead(path === "/metrics" ? 405 : 404, { "content-type": "text/plain" });
      response.end("Metrics are at GET /metrics.\n");
      return;
    }
    source.text().then(
      (text) => response.writeHead(200, { "content-type": source.contentType, "cache-control": "no-store" }).end(text),
      () => response.writeHead(500, { "content-type": "text/plain" }).end("The metrics can't be read just now.\n"),
    );
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  return server;
}
