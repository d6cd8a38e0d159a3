import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { codeOf } from "../../lib/error-code.js";
import { hostOf } from "../../lib/host.js";
import { type AddressRules, addressRefused, checkedLookup, mayConnectTo } from "../../outbound/checked-lookup.js";
import { readBody } from "../../outbound/read-body.js";

export interface CarrierRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  /** https, or http if the client is insecure or its rules list the address. It has no user and no password. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty: none. */
  readonly body: string;
}

export interface CarrierAnswer {
  readonly kind: "answered";
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/**
 * How a request ended. `not_sent`: no byte of the request left this machine. `perhaps_sent`: the carrier may have read the request
 * and acted on it. `code` is the error code of Node.js or OpenSSL, such as `ECONNREFUSED`. Empty: none.
 */
export type CarrierOutcome =
  | CarrierAnswer
  | {
      readonly kind: "not_sent";
      readonly why:
        | "name_unknown"
        | "address_refused"
        | "unreachable"
        | "tls"
        | "connect_timeout"
        | "all_connections_busy"
        | "closed"
        | "invalid";
      readonly code: string;
    }
  | { readonly kind: "perhaps_sent"; readonly why: "timeout" | "broken" | "too_large"; readonly code: string };

export interface CarrierHttpOptions {
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | null | undefined;
  /** Allows http, and https with any certificate. For development only. */
  readonly insecure?: boolean | undefined;
  /** For a URL that came over the network. Left out: any address, because the operator of this machine chose it. */
  readonly addresses?: AddressRules | undefined;
  /** Connections to one host, opened as needed. Default: 50. */
  readonly connectionsMax?: number | undefined;
  /**
   * Time limits for connecting (name lookup and TLS included), for the answer after the request was written, and for everything
   * (waiting for a free connection included). At most 30 s each.
   */
  readonly connectTimeoutMs?: number | undefined;
  readonly answerTimeoutMs?: number | undefined;
  readonly wholeTimeoutMs?: number | undefined;
}

/** Calls one carrier over connections that it keeps. It follows no redirects and uses no proxies. */
export interface CarrierHttp {
  /** Never throws. Reads at most 64 KiB of an answer. */
  request(request: CarrierRequest): Promise<CarrierOutcome>;
  /** Ends idle connections. Running requests finish; new ones return `not_sent`. */
  close(): void;
}

const timeoutMaxMs = 30_000;
const bodyMax = 64 * 1024;
const headersMax = 16 * 1024;
/** Interim answers (1xx, RFC 9110 §15.2) before the real one. */
const interimMax = 10;
/** Below the 5 s after which common servers close an idle connection, because a request on a closing one ends as `perhaps_sent`. */
const idleMs = 4_000;

interface Limits {
  readonly connect: number;
  readonly answer: number;
  readonly whole: number;
}

export function createCarrierHttp(options: CarrierHttpOptions): CarrierHttp {
  const { insecure = false, addresses } = options;
  const ca = options.ca ?? undefined;
  const rules = { "http:": addresses && { ...addresses, listedOnly: true }, "https:": addresses };
  const kept = (of: AddressRules | undefined) => ({
    keepAlive: true,
    maxSockets: options.connectionsMax ?? 50,
    timeout: idleMs,
    ...(of === undefined ? {} : { lookup: checkedLookup(of) }),
  });
  const agents = {
    "http:": new http.Agent(kept(rules["http:"])),
    "https:": new https.Agent({ ...kept(rules["https:"]), rejectUnauthorized: !insecure, minVersion: "TLSv1.2", ca }),
  };
  const limits = {
    connect: Math.min(options.connectTimeoutMs ?? 10_000, timeoutMaxMs),
    answer: Math.min(options.answerTimeoutMs ?? 20_000, timeoutMaxMs),
    whole: Math.min(options.wholeTimeoutMs ?? timeoutMaxMs, timeoutMaxMs),
  };
  let running = 0;
  let closed = false;

  function endIdle(): void {
    if (closed && running === 0) for (const agent of Object.values(agents)) agent.destroy();
  }

  return {
    async request(request) {
      if (closed) return notSent("closed");
      const url = readUrl(request.url, insecure || addresses !== undefined);
      if (url === null) return notSent("invalid");
      const protocol = url.protocol as keyof typeof agents;
      const ofProtocol = rules[protocol];
      if (ofProtocol !== undefined && !mayConnectTo(hostOf(url), ofProtocol)) {
        return notSent("address_refused");
      }
      running += 1;
      const outcome = await exchange(request, { url, agent: agents[protocol], limits });
      running -= 1;
      endIdle();
      return outcome;
    },
    close() {
      closed = true;
      endIdle();
    },
  };
}

function readUrl(text: string, allowsHttp: boolean): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.username !== "" || url.password !== "") return null;
  return url.protocol === "https:" || (allowsHttp && url.protocol === "http:") ? url : null;
}

interface Connection {
  readonly url: URL;
  readonly agent: http.Agent;
  readonly limits: Limits;
}

function exchange(request: CarrierRequest, { url, agent, limits }: Connection): Promise<CarrierOutcome> {
  const { method, headers, body } = request;
  const isSecure = url.protocol === "https:";
  const length = body === "" && method === "GET" ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const common = { "user-agent": "latchkey", "accept-encoding": "identity" };
  return new Promise((resolve) => {
    let stage: "waiting" | "connecting" | "securing" | "written" = "waiting";
    let timedOut = false;
    let sent: http.ClientRequest;
    try {
      const all = { method, agent, headers: { ...common, ...headers, ...length }, maxHeaderSize: headersMax };
      sent = (isSecure ? https : http).request(url, all);
    } catch (error) {
      // A header or path with characters that HTTP does not allow.
      resolve(notSent("invalid", codeOf(error)));
      return;
    }
    const timers: NodeJS.Timeout[] = [];
    let ended = false;
    const end = (outcome: CarrierOutcome): void => {
      for (const timer of timers) clearTimeout(timer);
      ended = true;
      resolve(outcome);
    };
    // After a pause of the whole process, what has arrived meanwhile is read before the time-out counts.
    const limit = (ms: number, isDone: () => boolean): void => {
      const stop = (): void => {
        if (isDone()) return;
        timedOut = true;
        sent.destroy(new Error("timeout"));
      };
      timers.push(setTimeout(() => setImmediate(stop), ms));
    };
    limit(limits.whole, () => ended);
    const fail = (error: unknown): void => {
      const code = codeOf(error);
      if (stage === "written") end(perhapsSent(timedOut ? "timeout" : "broken", code));
      else if (timedOut) end(notSent(stage === "waiting" ? "all_connections_busy" : "connect_timeout"));
      else end(notSent(stage === "securing" ? "tls" : whyUnreachable(code), code));
    };

    sent.on("error", fail);
    // Nothing is written before the connection stands and its certificate is verified, so a failure until then sent nothing.
    sent.once("socket", (socket) => {
      const write = (): void => {
        stage = "written";
        limit(limits.answer, () => ended);
        sent.end(body);
      };
      limit(limits.connect, () => stage === "written");
      if (isReady(socket)) return write();
      stage = "connecting";
      if (isSecure) {
        socket.once("connect", () => {
          stage = "securing";
        });
      }
      socket.once(isSecure ? "secureConnect" : "connect", write);
    });
    // A carrier that sends nothing else would keep this process busy until the time-out.
    let interim = 0;
    sent.on("information", () => {
      interim += 1;
      if (interim > interimMax) sent.destroy(new Error("too many interim answers"));
    });
    sent.on("upgrade", (_response, socket) => {
      socket.destroy();
      end(perhapsSent("broken", "UPGRADE"));
    });
    sent.on("response", (response) => {
      readBody(response, bodyMax).then((read) => {
        const { statusCode: status = 0, headers: answered } = response;
        end(
          read === null ? perhapsSent("too_large") : { kind: "answered", status, headers: plainHeaders(answered), body: read },
        );
      }, fail);
    });
  });
}

/** Returns whether a socket that the agent kept is connected and, for TLS, verified. */
function isReady(socket: Socket): boolean {
  // An insecure client accepts a certificate that is not authorized.
  if (socket instanceof TLSSocket) return socket.authorized || Boolean(socket.authorizationError);
  return !socket.connecting;
}

function whyUnreachable(code: string): "name_unknown" | "address_refused" | "unreachable" {
  if (code === addressRefused) return "address_refused";
  return code === "ENOTFOUND" || code === "EAI_AGAIN" ? "name_unknown" : "unreachable";
}

function notSent(why: (CarrierOutcome & { kind: "not_sent" })["why"], code = ""): CarrierOutcome {
  return { kind: "not_sent", why, code };
}

function perhapsSent(why: (CarrierOutcome & { kind: "perhaps_sent" })["why"], code = ""): CarrierOutcome {
  return { kind: "perhaps_sent", why, code };
}

function plainHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return plain;
}
