import { readFileSync } from "node:fs";
import { assertionAlgs, oauthPaths, urlBelow, userFieldClaims } from "../../model/oauth.js";
import { scopeGroups, scopes } from "../../model/scope.js";
import { pathOf, type WebRequest, type WebResponse } from "./types.js";

/** Answers the requests for documents. Returns false if the path has none. */
export type DocumentHandler = (request: WebRequest, response: WebResponse) => boolean;

export interface DocumentOptions {
  readonly issuer: string;
  /** The public keys, as JSON text of a JWK set. */
  readonly jwks: () => string;
  /** Resolves when calls can be answered. */
  readonly ready: () => Promise<void>;
}

interface Document {
  readonly status: number;
  readonly type: string;
  readonly cacheControl: string;
  readonly body: string;
}

export function createDocuments(options: DocumentOptions): DocumentHandler {
  const isReady = createReadiness(options.ready);
  const metadata = () => json(describeIssuer(options));
  const api = createApiDocument(options.issuer);
  const routes = new Map<string, () => Document | Promise<Document>>([
    ["/", home],
    ["/healthz", () => text(200, "ok")],
    ["/readyz", async () => ((await isReady()) ? text(200, "ok") : text(503, "not ready"))],
  ]);
  // OpenID Connect puts the issuer's path before the well-known part, RFC 8414 behind it.
  const path = new URL(options.issuer).pathname.replace(/\/$/, "");
  if (path !== "") routes.set(`${path}/`, home);
  for (const prefix of new Set(["", path])) {
    routes.set(`${prefix}/openapi.json`, () => json(api()));
    routes.set(`${prefix}/.well-known/jwks.json`, () => json(options.jwks()));
    routes.set(`${prefix}/.well-known/openid-configuration`, metadata);
    routes.set(`/.well-known/oauth-authorization-server${prefix}`, metadata);
  }

  return (request, response) => {
    const route = routes.get(pathOf(request));
    if (route === undefined) return false;
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return true;
    }
    Promise.resolve()
      .then(route)
      .catch(() => text(500, "The server failed unexpectedly. Try again later."))
      .then((document) => send(request, response, document))
      .catch(() => response.destroy());
    return true;
  };
}

/** Long enough to spare the server, and shorter than the time for which a new key is published before it signs. */
const keysMaxAgeSeconds = 300;

function json(body: string): Document {
  return { status: 200, type: "application/json", cacheControl: `public, max-age=${keysMaxAgeSeconds}`, body };
}

function text(status: number, body: string): Document {
  return { status, type: "text/plain; charset=utf-8", cacheControl: "no-store", body: `${body}\n` };
}

/** The page at the root: links to the other documents. */
function home(): Document {
  const links = [
    [".well-known/openid-configuration", "the metadata that token verifiers read"],
    [".well-known/jwks.json", "the public keys that tokens are signed with"],
    ["openapi.json", "the API as an OpenAPI 3.1 document"],
    ["healthz", "whether the process runs"],
    ["readyz", "whether it can answer calls"],
  ];
  const items = links.map(([path, what]) => `<li><a href="${path}">/${path}</a>: ${what}</li>`);
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Latchkey</title>
<link rel="icon" href="data:,">
<h1>Latchkey</h1>
<p>This service signs users in with one-time codes. Apps call it over Connect or gRPC-Web at
<code>POST /latchkey.v1.AuthService/&lt;method&gt;</code>.</p>
<ul>
${items.join("\n")}
</ul>
</html>
`;
  return { status: 200, type: "text/html; charset=utf-8", cacheControl: `public, max-age=${keysMaxAgeSeconds}`, body };
}

function send(request: WebRequest, response: WebResponse, { status, type, cacheControl, body }: Document): void {
  const headers = { "content-type": type, "cache-control": cacheControl, "content-length": Buffer.byteLength(body) };
  response.writeHead(status, headers);
  if (request.method === "HEAD") response.end();
  else response.end(body);
}

/**
 * Metadata as in RFC 8414 and OpenID Connect Discovery. Users sign in through the API, so there is no authorization endpoint and no
 * response type. That list is empty instead of absent, because an absent list stands for a default.
 */
function describeIssuer({ issuer, jwks }: DocumentOptions): string {
  const { keys } = JSON.parse(jwks()) as { keys: readonly { alg?: string }[] };
  const algorithms = new Set(keys.map(({ alg }) => alg).filter((alg) => alg !== undefined));
  const confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
  return JSON.stringify({
    issuer,
    jwks_uri: urlBelow(issuer, "/.well-known/jwks.json"),
    token_endpoint: urlBelow(issuer, oauthPaths.token),
    token_endpoint_auth_methods_supported: [...confidential, "none"],
    token_endpoint_auth_signing_alg_values_supported: assertionAlgs,
    introspection_endpoint: urlBelow(issuer, oauthPaths.introspect),
    introspection_endpoint_auth_methods_supported: confidential,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgs,
    revocation_endpoint: urlBelow(issuer, oauthPaths.revoke),
    revocation_endpoint_auth_methods_supported: [...confidential, "none"],
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgs,
    response_types_supported: [],
    grant_types_supported: ["client_credentials", "refresh_token"],
    scopes_supported: [...scopes, ...Object.keys(scopeGroups)],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [...algorithms],
    claims_supported: ["iss", "sub", "aud", "exp", "iat", "sid", "auth_time", "amr", ...userFieldClaims],
  });
}

const apiFile = new URL("../../gen/openapi.json", import.meta.url);

/** The OpenAPI document with this issuer as its server. It is read at the first request. */
function createApiDocument(issuer: string): () => string {
  let body: string | null = null;
  return () => {
    body ??= JSON.stringify({ ...JSON.parse(readFileSync(apiFile, "utf8")), servers: [{ url: issuer }] });
    return body;
  };
}

const readinessMs = 1000;

/** Every caller can send this request, so it asks the database at most once a second. */
function createReadiness(ready: () => Promise<void>): () => Promise<boolean> {
  let latest: Promise<boolean> | null = null;
  return () => {
    if (latest === null) {
      latest = ready().then(
        () => true,
        () => false,
      );
      setTimeout(() => {
        latest = null;
      }, readinessMs).unref();
    }
    return latest;
  };
}
