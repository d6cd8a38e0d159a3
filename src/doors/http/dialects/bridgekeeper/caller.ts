import type { FastifyReply, FastifyRequest } from "fastify";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import type { User } from "../../../../gen/latchkey/v1/user_pb.js";
import type { SessionCookie } from "../../../../model/caller.js";
import type { CallContext } from "../../../../rpc/call-context.js";
import { headerValues } from "../../../web/types.js";
import { refusalOf } from "../../call.js";
import type { DialectKit } from "../dialect.js";

const sessionName = "qt-auth";
const sessionHeader = "x-qt-auth";

/** A call of Bridgekeeper's callers. All have a session cookie, which may be empty. */
export type Call = CallContext & { readonly cookie: SessionCookie };

/**
 * Returns the context of a call. The session is in the header `x-qt-auth` or in the cookie `qt-auth`. Apps send the header with other
 * texts before a sign-in, which are ignored. A new session is in both, but browsers, whose scripts could read it, get no header.
 */
export function callOf(kit: DialectKit, request: FastifyRequest, reply: FastifyReply): Call {
  const cookie = kit.cookie(request, reply, sessionName);
  const sent = new Set(headerValues(request.raw, sessionHeader).filter((text) => text.startsWith("lkc_")));
  const credential = sent.size > 1 ? null : ([...sent][0] ?? cookie.credential);
  const isBrowser = request.headers["sec-fetch-site"] !== undefined;
  return {
    ...kit.asSpeaker(request, reply),
    cookie: {
      credential,
      clear: cookie.clear,
      set(value, life) {
        cookie.set(value, life);
        if (!isBrowser && !reply.raw.headersSent) reply.raw.setHeader(sessionHeader, value);
      },
    },
  };
}

/** Returns a function that gives the user of a call's session, or null without a live one. */
export function signedInUserOf(kit: DialectKit): (call: Call) => Promise<User | null> {
  const getCurrentUser = kit.method(AuthService.method.getCurrentUser);
  return async (call) => {
    if (typeof call.cookie.credential !== "string") return null;
    try {
      return (await getCurrentUser(call, {})).user!;
    } catch (error) {
      if (refusalOf(error)?.reason === "TOKEN_INVALID") return null;
      throw error;
    }
  };
}
