import { Type } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { type Challenge, ChallengeState, Channel, Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import type { CallContext } from "../../../../rpc/call-context.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { asApplication } from "./caller.js";
import { readRequestId } from "./request-id.js";
import { checkRequest, checkResponse, nextResponse, ofRequest } from "./schemas.js";

/** What is done with a request by its id: its code is checked, it is cancelled, or the next step of its workflow begins. */
export function addRequestRoutes(app: DialectApp, kit: DialectKit): void {
  const sendOtp = kit.method(AuthService.method.sendOtp);
  const verifyOtp = kit.method(AuthService.method.verifyOtp);
  const getChallenge = kit.method(AuthService.method.getChallenge);
  const cancelChallenge = kit.method(AuthService.method.cancelChallenge);

  /** A challenge of another purpose counts as missing. */
  async function find(context: CallContext, challengeId: string): Promise<Challenge> {
    const { challenge } = await getChallenge(context, { challengeId });
    if (challenge!.purpose === Purpose.VERIFY_CONTACT) return challenge!;
    throw new RouteError("CHALLENGE_NOT_FOUND", "The client has no such request.");
  }

  const checked = { schema: { params: ofRequest, body: checkRequest, response: { 200: checkResponse } } };
  app.post("/v2/verify/:id", checked, async (request, reply) => {
    const { id } = request.params;
    const { challengeId } = readRequestId(id);
    const { code } = request.body;
    await verifyOtp(asApplication(kit, request, reply), { challengeId, code, expectedPurpose: Purpose.VERIFY_CONTACT });
    return { request_id: id, status: "completed" as const };
  });

  const ended = { schema: { params: ofRequest, response: { 204: Type.Null() } } };
  app.delete("/v2/verify/:id", ended, async (request, reply) => {
    const { challengeId } = readRequestId(request.params.id);
    const context = asApplication(kit, request, reply);
    await find(context, challengeId);
    await cancelChallenge(context, { challengeId });
    return await reply.code(204).send(null);
  });

  const next = { schema: { params: ofRequest, response: { 200: nextResponse } } };
  app.post("/v2/verify/:id/next_workflow", next, async (request, reply) => {
    const { challengeId, later } = readRequestId(request.params.id);
    const context = asApplication(kit, request, reply);
    const challenge = await find(context, challengeId);
    // The first send is that of the first step.
    const channel = challenge.channel === Channel.EMAIL && later.length > 0 ? Channel.EMAIL : later[challenge.sends.length - 1];
    const isOver = challenge.state !== ChallengeState.PENDING || challenge.sends.length > later.length;
    if (isOver || channel === undefined) throw new RouteError("CHALLENGE_NOT_FOUND", "The workflow has no further step.");
    await sendOtp(context, { identifier: { case: "challengeId", value: challengeId }, channel });
    return {};
  });
}
