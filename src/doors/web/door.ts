import type { TlsOptions } from "node:tls";
import type { Directory } from "../../apps/directory.js";
import type { InFlight } from "../../rpc/in-flight.js";
import type { ServedService } from "../../rpc/pipeline.js";
import type { AddressOf } from "../address.js";
import type { ConnectionLimits } from "../connections.js";
import type { DialectDefinition } from "../http/dialects/dialect.js";
import { createHttpRoutes, type HttpRoutesOptions } from "../http/routes.js";
import type { Unfinished } from "../unfinished.js";
import { createBodies } from "./body.js";
import { createCors } from "./cors.js";
import { createDocuments, type DocumentOptions } from "./documents.js";
import { createRpcHandler } from "./rpc.js";
import { createWebServer, type WebServer } from "./server.js";
import { pathOf, type WebRequest, type WebResponse } from "./types.js";

export interface WebDoorOptions extends DocumentOptions {
  readonly services: readonly ServedService[];
  readonly inFlight: InFlight;
  readonly unfinished: Unfinished;
  readonly directory: Directory;
  readonly addressOf: AddressOf;
  /** Whether traces are made, so that the callers' context is looked for. */
  readonly traced?: boolean;
  /** Null: no TLS here. */
  readonly tls: TlsOptions | null;
  readonly connections: ConnectionLimits;
  /** The dialects to serve. Left out: none. Their methods must be among the services. */
  readonly dialects?: readonly DialectDefinition[];
  /** Left out: no carrier reports here. */
  readonly reports?: HttpRoutesOptions["reports"];
}

/**
 * Serves Connect and gRPC-Web, with TLS also gRPC, beside plain HTTP paths, health, the public keys and the metadata. It starts as
 * not ready.
 */
export interface WebDoor extends WebServer {
  /** Sets whether `/readyz` reports ready. It does so only while `ready` resolves as well. */
  setServing(serving: boolean): void;
}

export function createWebDoor(options: WebDoorOptions): WebDoor {
  let serving = false;
  const ownOrigin = new URL(options.issuer).origin;
  const definitions = options.dialects ?? [];
  const cors = createCors(
    (origin) => origin === ownOrigin || options.directory.allowsOrigin(origin),
    definitions.flatMap((definition) => definition.cors ?? []),
  );
  const bodies = createBodies(options.unfinished, options.connections.networkOf);
  const rpc = createRpcHandler({ ...options, bodies, grpc: options.tls !== null });
  const documents = createDocuments({ ...options, ready: async () => await options.ready() });
  const secure = options.tls !== null || options.issuer.startsWith("https:");
  const http = createHttpRoutes({ ...options, bodies, dialects: { ...options, secure, definitions } });

  function handle(request: WebRequest, response: WebResponse): void {
    setSafetyHeaders(response, secure);
    if (cors(request, response)) return;
    if (!serving && pathOf(request) === "/readyz") {
      response.writeHead(503, { "cache-control": "no-store" }).end();
      return;
    }
    if (rpc(request, response) || documents(request, response) || http.answer(request, response)) return;
    response.writeHead(404, { "cache-control": "no-store" }).end();
  }

  const server = createWebServer({ tls: options.tls, connections: options.connections, bodies, handle });
  return {
    async listen(host, port) {
      await http.ready();
      return await server.listen(host, port);
    },
    renewTls: server.renewTls,
    setServing(value) {
      serving = value;
    },
    async drain(ms) {
      serving = false;
      await server.drain(ms);
    },
  };
}

function setSafetyHeaders(response: WebResponse, secure: boolean): void {
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("referrer-policy", "no-referrer");
  if (secure) response.setHeader("strict-transport-security", "max-age=31536000");
}
