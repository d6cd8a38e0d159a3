import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Static } from "typebox";
import { AuthService } from "../../../../gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../../../gen/latchkey/v1/challenge_pb.js";
import { SessionKind, type TokenSet } from "../../../../gen/latchkey/v1/session_pb.js";
import type { User } from "../../../../gen/latchkey/v1/user_pb.js";
import type { DialectApp, DialectKit } from "../dialect.js";
import { RouteError } from "../failure.js";
import { contactIn, invalid, type Named } from "./contact.js";
import { noChange } from "./otp.js";
import { sessionResponse, tokenQuery, tokenRequest, verifyRequest } from "./schemas.js";
import { toSupabaseUser } from "./user.js";

const emailTypes: readonly string[] = ["email", "signup", "magiclink", "invite", "recovery"];

/** What Supabase exchanges for a session and Latchkey does not, and what to do instead. */
const otherGrants: Readonly<Record<string, string>> = {
  password: "There are no passwords. Sign users in with signInWithOtp and verifyOtp.",
  pkce: "Mails have codes and no links, so there is nothing to exchange. Call verifyOtp with email and token.",
  id_token: "There is no social login. Sign users in with signInWithOtp and verifyOtp.",
  web3: "There is no sign-in by wallets. Sign users in with signInWithOtp and verifyOtp.",
};

/** Sessions: for a code, and for a refresh token. */
export function addSessionRoutes(app: DialectApp, kit: DialectKit): void {
  const verifyOtp = kit.method(AuthService.method.verifyOtp);
  const refreshToken = kit.method(AuthService.method.refreshToken);
  const getCurrentUser = kit.method(AuthService.method.getCurrentUser);

  const verify = { schema: { body: verifyRequest, response: { 200: sessionResponse } } };
  app.post("/auth/v1/verify", verify, async (request, reply) => {
    const { tokens, user } = await verifyOtp(kit.asSpeaker(request, reply), {
      ...proofIn(request.body),
      expectedPurpose: Purpose.LOGIN,
      session: SessionKind.TOKENS,
    });
    return toSession(tokens!, user!);
  });

  const token = { schema: { querystring: tokenQuery, body: tokenRequest, response: { 200: sessionResponse } } };
  app.post("/auth/v1/token", token, async (request, reply) => {
    const { grant_type: grant = "" } = request.query;
    if (Object.hasOwn(otherGrants, grant)) throw new RouteError("NOT_OFFERED", otherGrants[grant]!);
    if (grant !== "refresh_token") throw invalid("unsupported_grant_type");
    if (!request.body.refresh_token) throw invalid("refresh_token required");
    const context = kit.asSpeaker(request, reply);
    const { tokens } = await refreshToken(context, { refreshToken: request.body.refresh_token });
    const { user } = await getCurrentUser({ ...context, authorization: [`Bearer ${tokens!.accessToken}`] }, {});
    return toSession(tokens!, user!);
  });
}

/** Returns the contact and the code of a request. Throws what Supabase says of one that lacks something or has too much. */
function proofIn(body: Static<typeof verifyRequest>): { readonly identifier: Named; readonly code: string } {
  const { type, token, token_hash: hash, email, phone } = body;
  if (!type) throw invalid("Verify requires a verification type");
  if (hash && (token || email || phone)) throw invalid("Only the token_hash and type should be provided");
  if (hash)
    throw new RouteError("NOT_OFFERED", "token_hash is not offered: mails have codes and no links. Give email and token.");
  if (!token) throw invalid("Verify requires a token or a token hash");
  const wrong = "Only an email address or phone number should be provided on verify";
  const identifier = contactIn(body, { none: wrong, both: wrong });
  if (type === "email_change" || type === "phone_change") throw new RouteError("NOT_OFFERED", noChange(type));
  if (identifier.case === "phone" && type !== "sms") throw invalid("Invalid sms verification type");
  if (identifier.case === "email" && !emailTypes.includes(type)) throw invalid("Invalid email verification type");
  // People write codes in groups.
  return { identifier, code: token.replaceAll("-", "") };
}

function toSession(tokens: TokenSet, user: User): Static<typeof sessionResponse> {
  return {
    access_token: tokens.accessToken,
    token_type: "bearer",
    expires_in: tokens.expiresIn,
    expires_at: Math.floor(timestampMs(tokens.accessTokenExpiresAt!) / 1_000),
    refresh_token: tokens.refreshToken,
    user: toSupabaseUser(user, tokens.accessToken),
  };
}
