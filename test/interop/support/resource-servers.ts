import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import * as oauth from "oauth4webapi";
import { interop, python } from "./paths.js";
import { cleanEnv } from "./run.js";

/** A service that takes our access tokens and was told nothing but our issuer. */
export interface ResourceServer {
  readonly name: string;
  /** Gives the token's subject. Throws for a token that it refuses. */
  subjectOf(accessToken: string): Promise<string>;
  stop(): void;
}

export interface ResourceServerOptions {
  readonly issuer: string;
  /** How long it keeps our keys before it asks for them again. */
  readonly keysMaxAgeMs?: number;
}

/** What our `Cache-Control` allows. */
const keysMaxAgeMsDefault = 300_000;

export async function startResourceServers(options: ResourceServerOptions): Promise<ResourceServer[]> {
  return await Promise.all([startOauth4webapi(options), startJose(options), startPyJwt(options)]);
}

/** OAuth 2 by metadata of RFC 8414, tokens by RFC 9068. */
async function startOauth4webapi({
  issuer,
  keysMaxAgeMs = keysMaxAgeMsDefault,
}: ResourceServerOptions): Promise<ResourceServer> {
  const metadata = await discover(issuer, "oauth2");
  // The library keeps the keys with this object: for a minute it asks for no others, after five it forgets them.
  let server = { ...metadata };
  let forgetAt = 0;
  return {
    name: "oauth4webapi",
    async subjectOf(accessToken) {
      if (Date.now() >= forgetAt) {
        server = { ...metadata };
        forgetAt = Date.now() + keysMaxAgeMs;
      }
      const request = new Request("https://resource.example.com/", { headers: { authorization: `Bearer ${accessToken}` } });
      return (await oauth.validateJwtAccessToken(server, request, issuer, plainHttp)).sub;
    },
    stop() {},
  };
}

/** Keys alone, as most Node services do it. */
async function startJose({ issuer, keysMaxAgeMs = keysMaxAgeMsDefault }: ResourceServerOptions): Promise<ResourceServer> {
  const { jwks_uri: jwksUri } = await discover(issuer, "oidc");
  const keys = createRemoteJWKSet(new URL(jwksUri!), {
    cacheMaxAge: keysMaxAgeMs,
    cooldownDuration: Math.min(30_000, keysMaxAgeMs),
  });
  return {
    name: "jose",
    async subjectOf(accessToken) {
      const { payload } = await jwtVerify(accessToken, keys, { issuer, audience: issuer, typ: "at+jwt" });
      return payload.sub!;
    },
    stop() {},
  };
}

/** A Python process that answers a line for every token. */
async function startPyJwt({ issuer, keysMaxAgeMs = keysMaxAgeMsDefault }: ResourceServerOptions): Promise<ResourceServer> {
  const args = [join(interop, "python/validate.py"), issuer, String(keysMaxAgeMs / 1000)];
  const child: ChildProcessWithoutNullStreams = spawn(python, args, { env: cleanEnv(), stdio: ["pipe", "pipe", "pipe"] });
  let complaints = "";
  child.stderr.on("data", (chunk) => (complaints += chunk));
  const waiting: { resolve: (answer: { sub?: string; refused?: string }) => void; reject: (error: Error) => void }[] = [];
  createInterface(child.stdout).on("line", (line) => waiting.shift()?.resolve(JSON.parse(line)));
  child.once("exit", () => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`PyJWT's process ended: ${complaints}`));
  });
  return {
    name: "PyJWT",
    async subjectOf(accessToken) {
      const { sub, refused } = await new Promise<{ sub?: string; refused?: string }>((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(`${accessToken}\n`);
      });
      if (sub === undefined) throw new Error(refused);
      return sub;
    },
    stop: () => void child.kill(),
  };
}

/** Checks a sign-in's id token as an OpenID Connect client does, its signature included, and gives its claims. */
export async function checkIdToken(
  issuer: string,
  clientId: string,
  tokens: { accessToken: string; idToken: string },
): Promise<oauth.IDToken> {
  const server = await discover(issuer, "oidc");
  const client: oauth.Client = { client_id: clientId };
  const body = { access_token: tokens.accessToken, token_type: "Bearer", id_token: tokens.idToken };
  const response = Response.json(body);
  const processed = await oauth.processAuthorizationCodeResponse(server, client, response, { requireIdToken: true });
  await oauth.validateApplicationLevelSignature(server, response, plainHttp);
  return oauth.getValidatedIdTokenClaims(processed)!;
}

export async function discover(issuer: string, algorithm: "oidc" | "oauth2"): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer);
  return await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm, ...plainHttp }));
}

/** The ids of the keys that the issuer publishes now. */
export async function publishedKeyIds(issuer: string): Promise<string[]> {
  const { jwks_uri: jwksUri } = await discover(issuer, "oidc");
  const { keys } = (await (await fetch(jwksUri!)).json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
}

export function keyIdOf(token: string): string {
  return decodeProtectedHeader(token).kid!;
}

/** Development has no TLS. */
const plainHttp = { [oauth.allowInsecureRequests]: true } as const;
