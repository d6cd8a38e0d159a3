import http from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { codeOf } from "../lib/error-code.js";
import { createAllowed } from "./allowed.js";
import { type Destination, destinationOf, type Resolve, resolveBySystem } from "./destination.js";
import { readBody } from "./read-body.js";
import { urlProblem } from "./url-rules.js";

/** A request to an address that an operator configured. */
export interface OutboundRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty: none. */
  readonly body: string;
  /** For everything from the resolution of the name to the last byte of the answer. At most 5 s. */
  readonly timeoutMs: number;
}

export type OutboundOutcome =
  | { readonly kind: "answered"; readonly status: number; readonly body: Buffer }
  | {
      readonly kind: "failed";
      readonly why: "url_invalid" | Exclude<Destination["kind"], "addresses"> | "timeout" | "too_large" | "unreachable";
      /** The error code of Node.js or OpenSSL, such as `ECONNREFUSED`, for the log. Empty: none. */
      readonly code: string;
    };

/**
 * Calls addresses that operators configure, so that no configuration reaches what only this machine can reach. Every address of a
 * host must be public, or allowed by LATCHKEY_OUTBOUND_ALLOWED; http is for allowed ones alone. It checks the addresses for each
 * request and connects to the checked ones. It follows no redirects, uses no proxies and reads at most 64 KiB of an answer.
 */
export interface Outbound {
  /**
   * Returns why a URL can't be configured, or null: its form, and the addresses that its host has now. A host that has none now is
   * accepted with https, because each request checks again. The text continues after the name of the field.
   */
  problemOf(url: string): Promise<string | null>;
  /** Never throws. */
  send(request: OutboundRequest): Promise<OutboundOutcome>;
}

export interface OutboundOptions {
  /** The value of LATCHKEY_OUTBOUND_ALLOWED: hosts, addresses and networks. */
  readonly allowed: readonly string[];
  /** Tests replace the two. The default authorities are those of Node.js, with NODE_EXTRA_CA_CERTS. */
  readonly resolve?: Resolve;
  readonly ca?: string;
}

const timeoutMaxMs = 5_000;
const resolutionMaxMs = 2_000;
const bodyMax = 64 * 1024;
const headersMax = 16 * 1024;

export function createOutbound({ allowed: entries, resolve = resolveBySystem, ca }: OutboundOptions): Outbound {
  const rules = { allowed: createAllowed(entries), resolve };
  // Connections are not kept: a peer that closes a kept one makes the next request fail. TLS sessions are resumed.
  const agents = {
    "http:": new http.Agent({ keepAlive: false }),
    "https:": new https.Agent({ keepAlive: false, rejectUnauthorized: true, ca }),
  };

  return {
    async problemOf(text) {
      const problem = urlProblem(text);
      if (problem !== null) return problem;
      const url = new URL(text);
      const destination = await before(AbortSignal.timeout(resolutionMaxMs), destinationOf(url, rules)).catch(
        (): Destination => ({ kind: "name_unknown" }),
      );
      switch (destination.kind) {
        case "addresses":
          return null;
        case "name_unknown":
          return url.protocol === "https:" ? null : httpsProblem;
        case "https_required":
          return httpsProblem;
        case "address_refused":
          return "must not lead to a loopback, private or reserved address, unless LATCHKEY_OUTBOUND_ALLOWED lists it";
      }
    },

    async send(request) {
      if (urlProblem(request.url) !== null) return failed("url_invalid");
      const url = new URL(request.url);
      const signal = AbortSignal.timeout(Math.min(request.timeoutMs, timeoutMaxMs));
      try {
        const destination = await before(signal, destinationOf(url, rules));
        if (destination.kind !== "addresses") return failed(destination.kind);
        const agent = agents[url.protocol as keyof typeof agents];
        return await before(signal, exchange(request, { url, agent, signal, addresses: destination.addresses }));
      } catch (error) {
        return signal.aborted ? failed("timeout") : failed("unreachable", codeOf(error));
      }
    },
  };
}

const httpsProblem = "must be an https URL: http is only for hosts and addresses that LATCHKEY_OUTBOUND_ALLOWED lists";

function failed(why: (OutboundOutcome & { kind: "failed" })["why"], code = ""): OutboundOutcome {
  return { kind: "failed", why, code };
}

interface Connection {
  readonly url: URL;
  readonly agent: http.Agent;
  readonly signal: AbortSignal;
  readonly addresses: readonly string[];
}

function exchange(request: OutboundRequest, { url, agent, signal, addresses }: Connection): Promise<OutboundOutcome> {
  const { method, body, headers } = request;
  const length = body === "" && method === "GET" ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const options = {
    method,
    agent,
    signal,
    headers: { "user-agent": "latchkey", "accept-encoding": "identity", ...headers, ...length },
    lookup: fixedLookup(addresses),
    maxHeaderSize: headersMax,
  };
  return new Promise((resolve, reject) => {
    const sent = (url.protocol === "https:" ? https : http).request(url, options, (response) => {
      const status = response.statusCode ?? 0;
      readBody(response, bodyMax).then(
        (read) => resolve(read === null ? failed("too_large") : { kind: "answered", status, body: read }),
        reject,
      );
    });
    sent.on("error", reject);
    sent.on("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Error("the answer changes the protocol"));
    });
    sent.end(body);
  });
}

/** Gives the socket the addresses that were checked. The socket does not ask for those of a literal address. */
function fixedLookup(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, done) => {
    if (options.all) done(null, found);
    else done(null, found[0]!.address, found[0]!.family);
  };
}

/** Resolves as `promise`, or rejects when the signal is aborted. */
function before<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
