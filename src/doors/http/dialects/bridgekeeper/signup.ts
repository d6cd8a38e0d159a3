import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import type { User } from "../../../../gen/latchkey/v1/user_pb.js";
import { refusalOf } from "../../call.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { type Call, callOf } from "./caller.js";
import { namedIn, soleOf } from "./contacts.js";
import { signupRequest, userResponse } from "./schemas.js";
import { toBridgekeeperUser } from "./user.js";

/** Sign-up by a code. An existing user is signed in unchanged. */
export function addSignupRoute(app: DialectApp, kit: DialectKit): void {
  const verifyOtp = kit.method(AuthService.method.verifyOtp);
  const updateCurrentUser = kit.method(AuthService.method.updateCurrentUser);
  const revokeToken = kit.method(AuthService.method.revokeToken);

  /** A user without a name is signed up all the same, because the code is spent. */
  async function named(call: Call, user: User, name: string): Promise<User> {
    try {
      const updateMask = { paths: ["display_name"] };
      return (await updateCurrentUser(call, { displayName: name, updateMask })).user!;
    } catch (error) {
      if (refusalOf(error) === null) throw error;
      return user;
    }
  }

  const signup = { schema: { body: signupRequest, response: { 200: userResponse } } };
  app.post("/api/auth/v1/signup", signup, async (request, reply) => {
    const { otp, name = "", email, "login-phone-number": loginPhone, "phone-number": phone } = request.body;
    // With both contacts the code is that of the phone number, which the vendor asks for to sign in by it later.
    const number = loginPhone || phone;
    const contact = soleOf(namedIn(number ? { "phone-number": number } : { email: email ?? null }));
    const call = callOf(kit, request, reply);
    const started = held();
    const own: Call = { ...call, cookie: started };
    const { user, isNewUser } = await verifyOtp(own, { identifier: contact, code: otp, createUserIfMissing: true });
    const result = isNewUser && name !== "" ? await named(own, user!, name) : user!;
    if (request.body["dont-login"] === true) await revokeToken(own, {});
    else if (started.credential !== undefined) call.cookie.set(started.credential, started.life);
    return { user: toBridgekeeperUser(result) };
  });
}

/** A cookie that keeps its session, so that further calls have it before the answer does. */
function held() {
  return {
    credential: undefined as string | undefined,
    life: { maxAgeSeconds: 0 },
    set(credential: string, life: { readonly maxAgeSeconds: number }) {
      this.credential = credential;
      this.life = life;
    },
    clear() {
      this.credential = undefined;
    },
  };
}
