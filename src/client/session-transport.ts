import {
  create,
  type DescMessage,
  type DescMethodUnary,
  getOption,
  hasOption,
  isMessage,
  type Message,
} from "@bufbuild/protobuf";
import type { Transport, UnaryResponse } from "@connectrpc/connect";
import { access, Caller } from "../gen/client/latchkey/v1/access_pb.js";
import { VerifyOtpRequestSchema } from "../gen/client/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../gen/client/latchkey/v1/challenge_pb.js";
import { errorDetails } from "./connect-error-details.js";
import { withToken } from "./headers.js";
import type { IdempotencyKeys } from "./idempotency-keys.js";
import type { Renewal, Renewed } from "./renewal.js";
import { untilAborted } from "./until-aborted.js";

export interface SessionTransportParts {
  readonly transport: Transport;
  readonly renewal: Renewal;
  readonly idempotencyKeys: IdempotencyKeys;
  /** Runs after each reply, before the caller gets it. `asUser`: the call carried the stored session's access token. */
  readonly onReply: (reply: UnaryResponse, call: { readonly askedAt: number; readonly asUser: boolean }) => Promise<void>;
  readonly clock: () => number;
}

/**
 * Adds idempotency keys, and sends the access token with methods for users. Renews the token before it expires, and once more if
 * the server answers TOKEN_INVALID. Leaves the caller's own `authorization` unchanged. Each attempt has the full deadline.
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
        const asUser = (isForUsers(method) || isContactChange(request)) && !new Headers(header).has("authorization");
        const reply = asUser ? await sendAsUser(header, signal, send) : await send(header);
        await onReply(reply, { askedAt, asUser });
        return reply;
      });
    },
    stream: transport.stream.bind(transport),
  };
}

/** Other methods do not need a token, and some reject a call with an invalid one. */
function isForUsers(method: DescMethodUnary<DescMessage, DescMessage>): boolean {
  return hasOption(method, access) && getOption(method, access).caller === Caller.USER;
}

/** The code of a contact change needs the token of the user who started it. */
function isContactChange(request: Message): boolean {
  return isMessage(request, VerifyOtpRequestSchema) && request.expectedPurpose === Purpose.CHANGE_CONTACT;
}

/** Throws the refusal if the server has just ended the session: a call without a token would get a less clear error. */
function accept(renewed: Renewed): Renewed {
  if (renewed.session === null && renewed.refusal !== null) throw renewed.refusal;
  return renewed;
}
