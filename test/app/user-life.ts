import { type DescMessage, type DescMethodUnary, type MessageInitShape, type MessageShape, toJson } from "@bufbuild/protobuf";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { failureOf, type RpcCaller } from "../doors/callers.js";
import type { CodeReader } from "../support/calls.js";

const { method } = AuthService;

/** What was answered, in order, with everything replaced that has to differ between two runs. */
export type Transcript = { readonly what: string; readonly answer: unknown }[];

/** Replaces ids, tokens, addresses of callers and what depends on chance; keeps times, for the clock stands still. */
function comparable(answer: unknown): unknown {
  const varying = /(Id|Token|token|proof|Proof|userAgent|ip|correlation_id)$/;
  return JSON.parse(
    JSON.stringify(answer, (key, value: unknown) => {
      if (key === "resendAt" || key === "retryAfterMs" || key === "retryAfterHeader")
        return value === undefined ? undefined : "…";
      if (key === "message" && typeof value === "string") return value.replace(/in \d+ (second|minute|hour)s?/, "in …");
      return typeof value === "string" && varying.test(key) && value !== "" ? `<${key}>` : value;
    }),
  );
}

/** Where a life is lived: a server, or several that are one service. */
export interface Stage extends CodeReader {
  readonly clock: { advance(ms: number): void | Promise<void> };
  /** There nothing carries text messages. */
  readonly production?: boolean;
}

/** One life of a user, from registration to deletion, with the refusals on the way. */
export async function live(on: Stage, caller: RpcCaller): Promise<Transcript> {
  const transcript: Transcript = [];
  const asUser = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

  async function ok<D extends DescMethodUnary>(
    rpc: D,
    request: MessageInitShape<D["input"]>,
    options = {},
  ): Promise<MessageShape<D["output"]>> {
    const response = await caller.call(rpc, request, options);
    transcript.push({ what: rpc.name, answer: comparable(toJson(rpc.output as DescMessage, response)) });
    return response;
  }
  async function refused<D extends DescMethodUnary>(
    rpc: D,
    request: MessageInitShape<D["input"]>,
    options = {},
  ): Promise<void> {
    transcript.push({ what: `${rpc.name} refused`, answer: comparable(await failureOf(caller.call(rpc, request, options))) });
  }

  const phone = on.production ? "" : "+46 70-123 45 67";
  const profile = { username: "Ada", email: "Ada@Example.com", phone, displayName: "Ada", locale: "sv" };
  const { challenges } = await ok(method.registerUser, {
    ...profile,
    customAttributes: { plan: "basic", seats: [1, null, true] },
  });
  const byMail = await on.messageOf(challenges[0]);
  const byPhone = on.production ? null : await on.messageOf(challenges[1]);
  await refused(method.registerUser, { ...profile });
  await refused(method.registerUser, { email: "no address" });
  await refused(method.verifyOtp, { challengeId: byMail.challengeId, code: byMail.code, expectedPurpose: Purpose.LOGIN });
  await refused(method.verifyOtp, { challengeId: "AAAAAAAAAAAAAAAAAAAAAA", code: "000000" });
  let done = await ok(method.verifyOtp, { challengeId: byMail.challengeId, code: byMail.code });
  if (byPhone !== null) {
    const typed = ` ${byPhone.code.slice(0, 3)}-${byPhone.code.slice(3)} `;
    done = await ok(method.verifyOtp, { challengeId: byPhone.challengeId, code: typed });
  }
  const { challengeId: spentId, code: spentCode } = byPhone ?? byMail;
  await refused(method.verifyOtp, { challengeId: spentId, code: spentCode });

  let token = done.tokens!.accessToken;
  await ok(method.getCurrentUser, {}, asUser(token));
  await refused(method.getCurrentUser, {}, asUser(`${token}x`));
  await refused(method.getCurrentUser, {});
  const mask = (...paths: string[]) => ({ updateMask: { paths } });
  await ok(method.updateCurrentUser, { displayName: "Ada L.", locale: "en-GB", ...mask("display_name") }, asUser(token));
  await ok(method.updateCurrentUser, mask("custom_attributes"), asUser(token));
  await refused(method.updateCurrentUser, mask("state"), asUser(token));
  await refused(method.updateCurrentUser, {}, asUser(token));

  const first = await ok(method.refreshToken, { refreshToken: done.tokens!.refreshToken });
  await ok(method.refreshToken, { refreshToken: first.tokens!.refreshToken });
  await on.clock.advance(20_000);
  const { challenge } = await ok(method.sendOtp, { identifier: { case: "username", value: "ADA" } });
  await refused(method.sendOtp, { identifier: { case: "username", value: "ada" } });
  await refused(method.sendOtp, { identifier: { case: "email", value: "ada@example.com" }, purpose: Purpose.REGISTRATION });
  await on.clock.advance(40_000);
  await ok(method.sendOtp, { identifier: { case: "challengeId", value: challenge!.challengeId } });
  const again = await on.messageOf(challenge);
  const second = await ok(method.verifyOtp, { challengeId: again.challengeId, code: again.code });
  token = second.tokens!.accessToken;
  await ok(method.listSessions, {}, asUser(token));
  await refused(method.refreshToken, { refreshToken: done.tokens!.refreshToken });
  await refused(method.refreshToken, { refreshToken: first.tokens!.refreshToken });
  await ok(method.listSessions, {}, asUser(token));
  await refused(method.revokeSession, { sessionId: done.sessionId }, asUser(token));
  await ok(method.revokeOtherSessions, {}, asUser(token));

  const stranger = { identifier: { case: "phone", value: "+46709999999" }, purpose: Purpose.VERIFY_CONTACT } as const;
  if (on.production) await refused(method.sendOtp, stranger);
  else {
    const { challenge: asked } = await ok(method.sendOtp, stranger);
    const { challengeId, code } = await on.messageOf(asked);
    await ok(method.verifyOtp, { challengeId, code });
  }
  await on.clock.advance(11 * 60_000);
  await refused(method.getCurrentUser, {}, asUser(token));
  const renewed = await ok(method.refreshToken, { refreshToken: second.tokens!.refreshToken });
  await refused(method.deleteCurrentUser, {}, asUser(renewed.tokens!.accessToken));
  await ok(method.revokeSession, { sessionId: second.sessionId }, asUser(renewed.tokens!.accessToken));
  await refused(method.getCurrentUser, {}, asUser(renewed.tokens!.accessToken));
  await ok(method.revokeToken, { token: renewed.tokens!.refreshToken });

  const last = await ok(method.sendOtp, { identifier: { case: "email", value: "ada@example.com" } });
  const leaving = await on.messageOf(last.challenge);
  const farewell = await ok(method.verifyOtp, { challengeId: leaving.challengeId, code: leaving.code });
  await ok(method.deleteCurrentUser, {}, asUser(farewell.tokens!.accessToken));
  await refused(method.getCurrentUser, {}, asUser(farewell.tokens!.accessToken));
  return transcript;
}

/** The reasons of a life's refusals, in order. */
export const lifeRefusals = (production = false): string[] => [
  "TOO_MANY_REQUESTS",
  "REQUEST_INVALID",
  "CODE_INVALID",
  "CODE_INVALID",
  "CODE_INVALID",
  "TOKEN_INVALID",
  "TOKEN_INVALID",
  "REQUEST_INVALID",
  "REQUEST_INVALID",
  "TOO_MANY_REQUESTS",
  "PURPOSE_NOT_ALLOWED",
  "REFRESH_TOKEN_REUSED",
  "SESSION_ENDED",
  "SESSION_NOT_FOUND",
  ...(production ? ["CHANNEL_UNAVAILABLE"] : []),
  "TOKEN_INVALID",
  "RECENT_SIGN_IN_REQUIRED",
  "TOKEN_INVALID",
  "TOKEN_INVALID",
];

/** The reasons of a transcript's refusals, in order. */
export function refusalsIn(transcript: Transcript): string[] {
  return transcript.filter(({ what }) => what.endsWith("refused")).map(({ answer }) => (answer as { reason: string }).reason);
}
