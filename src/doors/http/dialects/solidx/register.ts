import type { JsonObject } from "@bufbuild/protobuf";
import type { Static } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import { SessionKind } from "../../../../gen/latchkey/v1/session_pb.js";
import { ContactKind } from "../../../../gen/latchkey/v1/user_pb.js";
import { codeText } from "../code-text.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { said } from "./envelope.js";
import { contactOf, namedBy } from "./names.js";
import { confirmRequest, confirmResponse, registerRequest, saidResponse } from "./schemas.js";

type RegisterRequest = Static<typeof registerRequest>;

/** Registration by codes. Existing users get the same answer, unless the app reveals its users. */
export function addRegisterRoutes(app: DialectApp, kit: DialectKit): void {
  const registerUser = kit.method(AuthService.method.registerUser);
  const verifyOtp = kit.method(AuthService.method.verifyOtp);

  const initiate = { schema: { body: registerRequest, response: { 201: saidResponse } } };
  app.post("/api/iam/otp/register/initiate", initiate, async (request, reply) => {
    const { customPayload, transactional, validationSources } = request.body;
    const sources = transactional === true ? [...new Set(validationSources)] : [];
    await registerUser(kit.asSpeaker(request, reply), {
      ...namesOf(request.body),
      verificationSources: sources.map((source) => (source === "email" ? ContactKind.EMAIL : ContactKind.PHONE)),
      // Safe: the body is parsed JSON.
      ...(customPayload && { customAttributes: customPayload as JsonObject }),
    });
    return await reply.code(201).send(said("OTP sent successfully", {}, {}));
  });

  const confirm = { schema: { body: confirmRequest, response: { 200: confirmResponse } } };
  app.post("/api/iam/otp/register/confirm", confirm, async (request, reply) => {
    const { type, identifier, otp } = request.body;
    const context = kit.asSpeaker(request, reply);
    const { registration } = await verifyOtp(context, {
      identifier: contactOf(type, identifier),
      expectedPurpose: Purpose.REGISTRATION,
      code: codeText(otp, kit.policyOf(context).codeLength),
      session: SessionKind.NONE,
    });
    return said(`User registration verified for ${type}`, { active: registration === undefined }, {});
  });
}

/**
 * Latchkey's usernames are names. One that is an address or a number is the user's contact, by which the user signs in as well.
 * Throws `RouteError` if the request has another contact of the kind.
 */
function namesOf({ username, email = "", mobile = "" }: RegisterRequest) {
  const named = namedBy(username);
  if (named.case === "username") return { username: named.value, email, phone: mobile };
  const [field, given] = named.case === "email" ? (["email", email] as const) : (["mobile", mobile] as const);
  if (given !== "" && given.trim().toLowerCase() !== named.value.toLowerCase()) {
    throw new RouteError("REQUEST_INVALID", `username: must be a name, or the ${field} of the request`);
  }
  return { username: "", email: field === "email" ? named.value : email, phone: field === "mobile" ? named.value : mobile };
}
