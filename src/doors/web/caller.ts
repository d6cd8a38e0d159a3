import type { Door } from "../../model/door.js";
import { type CallContext, createAbort } from "../../rpc/call-context.js";
import { traceHeaders } from "../../telemetry/tracer.js";
import type { AddressOf } from "../address.js";
import { cleanUserAgent } from "../user-agent.js";
import { headerValues, type WebRequest } from "./types.js";

/** How the headers of callers are read. */
export interface CallerReading {
  readonly addressOf: AddressOf;
  /** Whether traces are made, so that the callers' context is looked for. */
  readonly traced?: boolean;
}

/** What the headers of a request say about its caller. */
export function readCaller(
  request: WebRequest,
  { addressOf, traced, door }: CallerReading & { readonly door: Door },
): Omit<CallContext, "cookie" | "timeoutMs"> {
  const origins = headerValues(request, "origin");
  const forwardedFor = headerValues(request, "x-forwarded-for");
  return {
    door,
    authorization: headerValues(request, "authorization"),
    clientIds: headerValues(request, "x-latchkey-client"),
    endUserIps: headerValues(request, "x-latchkey-end-user-ip"),
    origin: origins.length === 0 ? undefined : origins.join(", "),
    address: addressOf(request.socket.remoteAddress, forwardedFor.length === 0 ? undefined : forwardedFor.join(",")),
    userAgent: cleanUserAgent(request.headers["user-agent"]),
    trace: traced === true ? traceHeaders((name) => headerValues(request, name)) : undefined,
    abort: createAbort(),
  };
}
