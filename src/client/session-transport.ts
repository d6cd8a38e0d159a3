import { create, type DescMessage, type DescMethodUnary, getOption, hasOption } from "@bufbuild/protobuf";
import type { Transport, UnaryResponse } from "@connectrpc/connect";
import { access, Caller } from "../gen/latchkey/v1/access_pb.js";
import { errorDetails } from "./connect-error-details.js";
import type { IdempotencyKeys } from "./idempotency-keys.js";
import type { Renewal, Renewed } from "./renewal.js";

/** Names the client in every call, unless the call names one itself. */
export function withClientId(transport: Transport, clientId: string | undefined): Transport {
  if (clientId === undefined) return transport;
  const named = (header: HeadersInit | undefined) => {
    const headers = new Headers(header);
    if (!headers.has("x-latchkey-client")) headers.set("x-latchkey-client", clientId);
    return headers;
  };
  return {
    unary: (method, signal, timeoutMs, header, ...rest) => transport.unary(method, signal, timeoutMs, named(header), ...rest),
    stream: (method, signal, timeoutMs, header, ...rest) => transport.stream(method, signal, timeoutMs, named(header), ...rest),
  };
}

export interface SessionTransportParts {
  readonly transport: Transport;
  readonly renewal: Renewal;
  readonly idempotencyKeys: IdempotencyKeys;
  /** Learns of every reply before the caller does: when it was asked for, and whether for the stored sign-in's user. */
  readonly onReply: (reply: UnaryResponse, call: { readonly askedAt: number; readonly asUser: boolean }) => Promise<void>;
  readonly clock: () => number;
}

/**
 * Sends requests with an idempotency key, and the user's own ones with the access token: renewed before it expires and, if the
 * server answers TOKEN_INVALID all the same, once more. A caller's own `authorization` is left alone. Deadlines are per try.
 */
export function withSession(parts: SessionTransportParts): Transport {
  const { transport, renewal, idempotencyKeys, onReply, clock } = parts;

  async function sendAsUser<T>(
    header: HeadersInit | undefined,
    signal: AbortSignal | undefined,
    send: (header: HeadersInit | undefined) => Promise<T>,
  ): Promise<T> {
    const { session } = accept(await untilAborted(renewal.current(), signal));
    if (session === null) return await send(header);
    try {
      return await send(withToken(header, session.accessToken));
    } catch (error) {
      if (errorDetails(error).reason !== "TOKEN_INVALID") throw error;
      const renewed = accept(await untilAborted(renewal.renew(session.accessToken), signal));
      if (renewed.session === null) throw error;
      return await send(withToken(header, renewed.session.accessToken));
    }
  }

  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      return await idempotencyKeys.keyed(method.input, create(method.input, input), async (request) => {
        const askedAt = clock();
        const send = (headers: HeadersInit | undefined) =>
          transport.unary(method, signal, timeoutMs, headers, request, contextValues);
        const asUser = isForUsers(method) && !new Headers(header).has("authorization");
        const reply = asUser ? await sendAsUser(header, signal, send) : await send(header);
        await onReply(reply, { askedAt, asUser });
        return reply;
      });
    },
    stream: transport.stream.bind(transport),
  };
}

/** Other methods refuse a call for its token's sake, so they are not given one that they don't need. */
function isForUsers(method: DescMethodUnary<DescMessage, DescMessage>): boolean {
  return hasOption(method, access) && getOption(method, access).caller === Caller.USER;
}

/** A session that the server has just ended is the call's answer: without a token it could only be refused less clearly. */
function accept(renewed: Renewed): Renewed {
  if (renewed.session === null && renewed.refusal !== null) throw renewed.refusal;
  return renewed;
}

function withToken(header: HeadersInit | undefined, token: string): Headers {
  const headers = new Headers(header);
  headers.set("authorization", `Bearer ${token}`);
  return headers;
}

/** The renewal goes on without a caller who gave up: others wait for it too. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
