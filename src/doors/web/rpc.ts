import type { DescMethod } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { type CallContext, callerGone } from "../../rpc/call-context.js";
import type { InFlight } from "../../rpc/in-flight.js";
import { deadlineMaxMs, type ServedMethod, type ServedService } from "../../rpc/pipeline.js";
import type { RawRequest } from "../../rpc/raw-request.js";
import { createGunzip } from "../gunzip.js";
import type { Bodies } from "./body.js";
import { type CallerReading, readCaller } from "./caller.js";
import { emptyRequest, type Reading, takeMessage } from "./message.js";
import { replaceRefusal } from "./refusals.js";
import { readSessionCookie } from "./session-cookie.js";
import { pathOf, type WebRequest, type WebResponse } from "./types.js";

/** Answers a call of a served method. Returns false if the path belongs to none of them. */
export type RpcHandler = (request: WebRequest, response: WebResponse) => boolean;

export interface RpcHandlerOptions extends CallerReading {
  readonly services: readonly ServedService[];
  readonly inFlight: InFlight;
  readonly bodies: Bodies;
  /** Whether gRPC is answered too. Node can do that beside HTTP/1.1 only with TLS, whose ALPN names the protocol. */
  readonly grpc: boolean;
}

/** What belongs to one call, between Node's request and the method. */
interface Exchange {
  readonly caller: Omit<CallContext, "timeoutMs">;
  /** Null until it has been read. */
  request: RawRequest | null;
  /** Whether the call reached the method. Otherwise the answer is Connect's own. */
  reached: boolean;
  /** Set when the answer is known before the method is called. */
  refusal: ConnectError | null;
}

const exchangeKey = createContextKey<Exchange | null>(null);

const writeMaxBytes = 256 * 1024;

export function createRpcHandler(options: RpcHandlerOptions): RpcHandler {
  const router = createConnectRouter({
    grpc: options.grpc,
    // Connect reads only the empty message that replaces the caller's.
    readMaxBytes: 1024,
    writeMaxBytes,
    requireConnectProtocolHeader: true,
    // Compressing would take a thread of the pool that hashes codes, and all answers are small.
    acceptCompression: [],
  });
  for (const { methods } of options.services) for (const served of methods) addRoute(router, served);
  const readings = new Map<DescMethod, MethodReading>();
  for (const { method, requestMaxBytes: maxBytes, toWireError } of options.services.flatMap(({ methods }) => methods)) {
    readings.set(method, { maxBytes, toWireError, gunzip: createGunzip(options.inFlight, maxBytes) });
  }
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  return (request, response) => {
    const handler = handlers.get(pathOf(request));
    if (handler === undefined) return false;
    response.setHeader("cache-control", "no-store");
    const reading = readings.get(handler.method)!;
    answer(handler, { request, response, options, reading }).catch(() => {
      // Either the request line is not a valid URL, or the caller is gone.
      if (!response.headersSent) response.writeHead(400);
      response.end();
    });
    return true;
  };
}

function addRoute(router: ConnectRouter, { method, call }: ServedMethod): void {
  router.rpc(method, async (_empty, context: HandlerContext) => {
    const exchange = context.values.get(exchangeKey);
    if (exchange === null) throw new Error("a call has no exchange");
    exchange.reached = true;
    if (exchange.refusal !== null) throw exchange.refusal;
    if (exchange.request === null) throw new Error("a call has no message");
    return await call({ timeoutMs: context.timeoutMs() ?? Number.POSITIVE_INFINITY, ...exchange.caller }, exchange.request);
  });
}

type MethodReading = Reading & Pick<ServedMethod, "toWireError">;

interface Answering {
  readonly request: WebRequest;
  readonly response: WebResponse;
  readonly options: RpcHandlerOptions;
  readonly reading: MethodReading;
}

async function answer(handler: UniversalHandler, { request, response, options, reading }: Answering): Promise<void> {
  const asked = readSessionCookie(request, response);
  const [cookie, refusal] = "refusal" in asked ? [null, asked.refusal] : [asked.cookie, null];
  const caller = { ...readCaller(request, { ...options, door: "web" }), cookie };
  const exchange: Exchange = { caller, request: null, reached: false, refusal };
  const contextValues = createContextValues().set(exchangeKey, exchange);
  const received = universalRequestFromNodeRequest(request, response, undefined, contextValues);
  const call = { ...received, body: options.bodies.read(request) };
  capTimeouts(call.header);
  call.signal.addEventListener("abort", () => exchange.caller.abort.abort(callerGone), { once: true });
  const emptied = takeMessage(call, reading, (taken) => {
    if ("message" in taken) exchange.request = taken.message;
    else exchange.refusal = taken.failure instanceof ConnectError ? taken.failure : reading.toWireError(taken.failure);
  });
  const answered = await respond(handler, emptied, exchange);
  if (exchange.refusal?.code === Code.ResourceExhausted) closeAfter(response);
  await universalResponseToNodeResponse(answered, response);
}

async function respond(
  handler: UniversalHandler,
  call: UniversalServerRequest,
  exchange: Exchange,
): Promise<UniversalServerResponse> {
  const response = await handler(call);
  if (response.status === 405) return { ...response, header: new Headers({ allow: handler.allowedMethods.join(", ") }) };
  if (exchange.reached || response.body === undefined) return response;
  exchange.refusal = await replaceRefusal(response);
  return await handler(emptyRequest(call));
}

const unitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000001 };

/** Caps deadlines at the longest wait. Connect sets a timer for them, and Node's timers fire at once beyond 24 days. */
function capTimeouts(header: Headers): void {
  const connect = header.get("connect-timeout-ms");
  if (connect !== null && /^\d{1,10}$/.test(connect) && Number(connect) > deadlineMaxMs) {
    header.set("connect-timeout-ms", String(deadlineMaxMs));
  }
  const [, count, unit] = /^(\d{1,8})([HMSmun])$/.exec(header.get("grpc-timeout") ?? "") ?? [];
  if (unit !== undefined && Number(count) * (unitsMs[unit] ?? 0) > deadlineMaxMs)
    header.set("grpc-timeout", `${deadlineMaxMs}m`);
}

/** Closes the connection after the answer, so that the rest of a message that is too large is not read. */
function closeAfter(response: WebResponse): void {
  if ("shouldKeepAlive" in response) response.shouldKeepAlive = false;
}
