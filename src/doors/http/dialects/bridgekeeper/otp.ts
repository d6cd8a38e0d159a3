import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { callOf, signedInUserOf } from "./caller.js";
import { isClaimed, isVerified, namedIn, ownContact, soleOf } from "./contacts.js";
import { loginRequest, sendOtpRequest, sendOtpResponse, userResponse } from "./schemas.js";
import { toBridgekeeperUser } from "./user.js";

const sent = {
  email: "OTP was sent successfully only through Email. OTP was not sent through SMS",
  phone: "OTP was sent successfully only through SMS. OTP was not sent through Email",
} as const;

/** Codes, and sign-in by them. */
export function addOtpRoutes(app: DialectApp, kit: DialectKit): void {
  const sendOtp = kit.method(AuthService.method.sendOtp);
  const startContactChange = kit.method(AuthService.method.startContactChange);
  const verifyOtp = kit.method(AuthService.method.verifyOtp);
  const signedInUser = signedInUserOf(kit);

  app.post(
    "/api/auth/v1/users/send-otp",
    {
      schema: { body: sendOtpRequest, response: { 200: sendOtpResponse } },
      // The body of signed-in callers may be empty.
      preValidation: async (request) => {
        request.body ??= {};
      },
    },
    async (request, reply) => {
      const { mediums, "always-send": createUserIfMissing = false, ...body } = request.body;
      const call = callOf(kit, request, reply);
      const named = namedIn(body);
      const wanted = named.filter((one) => mediums?.includes(one.case === "email" ? "email" : "phone-number") ?? true);
      const user = await signedInUser(call);
      const contact = user !== null && named.length === 0 ? ownContact(user, mediums) : soleOf(wanted);
      if (user === null || isVerified(user, contact)) {
        await sendOtp(call, { identifier: contact, createUserIfMissing, reuseLive: kit.mayReuse(call) });
      } else {
        // Only the user's own session can give the user a contact: see `update-with-otp`.
        await startContactChange(call, { contact });
      }
      return { message: sent[contact.case] };
    },
  );

  const login = { schema: { body: loginRequest, response: { 200: userResponse } } };
  app.post("/api/auth/v1/login", login, async (request, reply) => {
    const { otp, "auto-signup": createUserIfMissing = false, ...body } = request.body;
    const call = callOf(kit, request, reply);
    const contact = soleOf(namedIn(body));
    const current = await signedInUser(call);
    // The user who is signed in already proves a contact by it.
    const proves = current !== null && isClaimed(current, contact);
    const expectedPurpose = proves ? Purpose.CHANGE_CONTACT : Purpose.LOGIN;
    const { user } = await verifyOtp(call, { identifier: contact, expectedPurpose, code: otp, createUserIfMissing });
    return { user: toBridgekeeperUser(user!) };
  });
}
