import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { ChallengeState, Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import { refusalOf } from "../../call.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { accountOf, createLook, notFound } from "./look.js";
import { checkRequest, checkResponse, ofService } from "./schemas.js";
import { commonOf } from "./verification.js";

/** The check of a code. A wrong one leaves the verification pending; one that has ended is not found. */
export function addCheckRoute(app: DialectApp, kit: DialectKit): void {
  const verifyOtp = kit.method(AuthService.method.verifyOtp);
  const look = createLook(kit);

  const schema = { params: ofService, body: checkRequest, response: { 200: checkResponse } };
  app.post("/v2/Services/:service/VerificationCheck", { schema }, async (request, reply) => {
    const { Code: code, To: to, VerificationSid: sid, Amount, Payee } = request.body;
    const account = accountOf(kit, request, reply);
    const { context } = account;
    const verification = sid ?? to;
    if (verification === undefined)
      throw new RouteError("REQUEST_INVALID", "Invalid parameter `To`: give To or VerificationSid.");
    if (Amount !== undefined || Payee !== undefined) {
      throw new RouteError("NOT_OFFERED", "Invalid parameter `Amount`: Amount and Payee are not offered.");
    }
    const challenge = await look(context, verification);
    if (challenge?.state === ChallengeState.EXHAUSTED) throw new RouteError("TOO_MANY_REQUESTS", "Max check attempts reached");
    if (challenge?.state !== ChallengeState.PENDING) throw notFound();
    const isRight = await accepts({ challengeId: challenge.challengeId, code });
    const common = commonOf({ ...account, challenge }, { status: isRight ? "approved" : "pending" });
    return { ...common, sna_attempts_error_codes: [] };

    async function accepts(guess: { readonly challengeId: string; readonly code: string }): Promise<boolean> {
      const expected = { expectedPurpose: Purpose.VERIFY_CONTACT, expectedContact: to ?? "" };
      try {
        await verifyOtp(context, { ...guess, ...expected });
        return true;
      } catch (error) {
        if (isWrongCode(error)) return false;
        throw error;
      }
    }
  });
}

function isWrongCode(error: unknown): boolean {
  const refusal = refusalOf(error);
  return refusal?.reason === "CODE_INVALID" && refusal.metadata.cause === "MISMATCH";
}
