import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { ChallengeState } from "../../../../gen/latchkey/v1/challenge_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { accountOf, createLook, notFound } from "./look.js";
import { ofVerification, updateRequest, verificationResponse } from "./schemas.js";
import { toVerification } from "./verification.js";

/** The path of one verification. Its last segment is a sid, a phone number or an e-mail address. */
export const verificationPath = "/v2/Services/:service/Verifications/:sid";

/** A look at a verification. Twilio deletes those that were approved or cancelled, or have expired. */
export function addFetchRoute(app: DialectApp, kit: DialectKit): void {
  const look = createLook(kit);
  const schema = { params: ofVerification, response: { 200: verificationResponse } };
  app.get(verificationPath, { schema }, async (request, reply) => {
    const account = accountOf(kit, request, reply);
    const challenge = await look(account.context, request.params.sid);
    const isThere = challenge?.state === ChallengeState.PENDING || challenge?.state === ChallengeState.EXHAUSTED;
    if (!isThere) throw notFound();
    return toVerification({ ...account, challenge }, kit.issuer);
  });
}

/** The end of a verification that the caller decides. */
export function addUpdateRoute(app: DialectApp, kit: DialectKit): void {
  const cancelChallenge = kit.method(AuthService.method.cancelChallenge);
  const approveChallenge = kit.method(AuthService.method.approveChallenge);
  const look = createLook(kit);
  const schema = { params: ofVerification, body: updateRequest, response: { 200: verificationResponse } };
  app.post(verificationPath, { schema }, async (request, reply) => {
    const account = accountOf(kit, request, reply);
    const { context } = account;
    const challenge = await look(context, request.params.sid);
    if (challenge === null) throw notFound();
    const isCanceled = request.body.Status === "canceled";
    // Twilio's callers cancel a verification without attempts to start another one. Here they may do so at any time.
    if (isCanceled && challenge.state === ChallengeState.EXHAUSTED) {
      return toVerification({ ...account, challenge }, kit.issuer, { status: "canceled" });
    }
    const { challengeId } = challenge;
    const { challenge: ended } = await (isCanceled ? cancelChallenge : approveChallenge)(context, { challengeId });
    return toVerification({ ...account, challenge: ended! }, kit.issuer);
  });
}
