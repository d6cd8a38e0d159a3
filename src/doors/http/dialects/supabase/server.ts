import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { addJwksRoute } from "../jwks-route.js";
import { healthResponse, settingsResponse } from "./schemas.js";

/** Paths of Supabase that Latchkey has no use for, and what to do instead. */
const unserved: Readonly<Record<string, string>> = {
  "/signup": "There are no passwords and no anonymous users. Sign users up with signInWithOtp and verifyOtp.",
  "/recover": "There are no passwords, so there is none to reset. Sign users in with signInWithOtp and verifyOtp.",
  "/magiclink": "Mails have codes and no links. Call signInWithOtp and verifyOtp.",
  "/reauthenticate": "There are no passwords. Let users sign in again with signInWithOtp and verifyOtp.",
  "/authorize": "There is no social login. Sign users in with signInWithOtp and verifyOtp.",
  "/callback": "There is no social login. Sign users in with signInWithOtp and verifyOtp.",
  "/sso": "There is no single sign-on. Sign users in with signInWithOtp and verifyOtp.",
  "/factors": "There are no second factors. Sign users in with signInWithOtp and verifyOtp.",
  "/admin/*": "Administer users with UserService of Latchkey's API, or with the command latchkey user.",
};

/** What the server says about itself, and what it does not offer. */
export function addServerRoutes(app: DialectApp, kit: DialectKit): void {
  app.get("/auth/v1/health", { schema: { response: { 200: healthResponse } } }, async () => ({
    version: "latchkey",
    name: "GoTrue",
    description: "Latchkey, with the paths of Supabase Auth",
  }));

  app.get("/auth/v1/settings", { schema: { response: { 200: settingsResponse } } }, async (request, reply) => {
    const { channels, autoRegistration, codeSignIn } = kit.policyOf(kit.asSpeaker(request, reply));
    const email = codeSignIn && channels.includes("email");
    const phone = codeSignIn && (channels.includes("sms") || channels.includes("whatsapp"));
    return {
      external: { anonymous_users: false, email, phone },
      disable_signup: !autoRegistration,
      mailer_autoconfirm: false,
      phone_autoconfirm: false,
      sms_provider: "",
      mfa_enabled: false,
      saml_enabled: false,
    };
  });

  addJwksRoute(app, kit, "/auth/v1/.well-known/jwks.json");

  const hidden = { schema: { hide: true } };
  for (const [path, advice] of Object.entries(unserved)) {
    app.all(`/auth/v1${path}`, hidden, async () => {
      throw new RouteError("NOT_OFFERED", advice);
    });
  }
  app.get("/auth/v1/verify", hidden, async () => {
    throw new RouteError("NOT_OFFERED", "Mails have codes and no links. Call verifyOtp with email and token.");
  });
}
