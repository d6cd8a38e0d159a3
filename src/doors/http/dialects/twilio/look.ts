import type { FastifyReply, FastifyRequest } from "fastify";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { type Challenge, Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import type { CallContext } from "../../../../rpc/call-context.js";
import { refusalOf } from "../../call.js";
import type { DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { accountSidOf, challengeIdOfSid, isServiceOf } from "./sids.js";

/** A contact as the API names it. */
export interface Contact {
  readonly case: "email" | "phone";
  readonly value: string;
}

export function contactOf(to: string): Contact {
  return { case: to.includes("@") ? "email" : "phone", value: to };
}

/** The client that calls, and its service. */
export interface Account {
  readonly context: CallContext;
  /** The sid of the account in answers. */
  readonly accountSid: string;
  readonly service: string;
}

/** Returns the caller of a path of a service. Its calls throw APP_NOT_FOUND if the service is not the caller's app. */
export function accountOf(
  kit: DialectKit,
  request: FastifyRequest<{ Params: { service: string } }>,
  reply: FastifyReply,
): Account {
  const { service } = request.params;
  const context = {
    ...kit.asBackend(request, reply),
    isNamedApp: (app: { appId: string }) => isServiceOf(kit, service, app.appId),
  };
  // No answer has it before the credentials are checked.
  const caller = kit.clientOf(context);
  return { context, accountSid: caller === null ? "" : accountSidOf(caller), service };
}

/** Returns a function that looks up a verification by its sid or by its contact. It returns null if there is none. */
export function createLook(kit: DialectKit): (context: CallContext, verification: string) => Promise<Challenge | null> {
  const getChallenge = kit.method(AuthService.method.getChallenge);

  return async (context, verification) => {
    const challengeId = challengeIdOfSid(verification);
    const target =
      challengeId === null ? { identifier: contactOf(verification), purpose: Purpose.VERIFY_CONTACT } : { challengeId };
    try {
      const { challenge } = await getChallenge(context, target);
      return challenge?.purpose === Purpose.VERIFY_CONTACT ? challenge : null;
    } catch (error) {
      if (refusalOf(error)?.reason === "CHALLENGE_NOT_FOUND") return null;
      throw error;
    }
  };
}

export function notFound(): RouteError {
  return new RouteError("CHALLENGE_NOT_FOUND", "There is no such resource.");
}
