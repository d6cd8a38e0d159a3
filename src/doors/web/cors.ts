import { cors } from "@connectrpc/connect";
import { sessionHeader } from "./session-cookie.js";
import type { WebRequest, WebResponse } from "./types.js";

/** Puts the CORS headers on a response. Returns true if the request was a preflight, which is then answered. */
export type Cors = (request: WebRequest, response: WebResponse) => boolean;

const preflightSeconds = 7200;

const requestHeaders = [
  ...cors.allowedHeaders,
  "Authorization",
  "x-latchkey-client",
  sessionHeader,
  "traceparent",
  "tracestate",
];

/** What pages of other origins may send and read on some paths, besides what they may on all. */
export interface CorsNeeds {
  readonly methods: readonly string[];
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
}

/**
 * Allows every origin that any app allows, because a preflight does not name the client. The call itself is refused unless its own
 * app allows the origin. An allowed origin may send credentials, because the session may be in a cookie. Other origins get no CORS
 * headers.
 */
export function createCors(allowsOrigin: (origin: string) => boolean, needs: readonly CorsNeeds[] = []): Cors {
  const preflightHeaders = {
    "access-control-allow-methods": listed(cors.allowedMethods, needs, "methods"),
    "access-control-allow-headers": listed(requestHeaders, needs, "requestHeaders"),
    "access-control-max-age": String(preflightSeconds),
  };
  const exposedHeaders = listed([...cors.exposedHeaders, "Retry-After"], needs, "responseHeaders");
  return (request, response) => {
    response.setHeader("vary", "Origin");
    const origin = request.headers.origin;
    const allowed = origin !== undefined && allowsOrigin(origin);
    if (allowed) {
      response.setHeader("access-control-allow-origin", origin);
      response.setHeader("access-control-allow-credentials", "true");
      response.setHeader("access-control-expose-headers", exposedHeaders);
    }
    if (request.method !== "OPTIONS") return false;
    if (allowed) for (const [name, value] of Object.entries(preflightHeaders)) response.setHeader(name, value);
    response.writeHead(204).end();
    return true;
  };
}

function listed(always: readonly string[], needs: readonly CorsNeeds[], key: keyof CorsNeeds): string {
  return [...new Set([...always, ...needs.flatMap((one) => one[key])])].join(", ");
}
