import { type DescMessage, type DescMethodUnary, type MessageInitShape, type MessageShape, toJson } from "@bufbuild/protobuf";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { SessionKind } from "../../src/gen/latchkey/v1/session_pb.js";
import { failureOf, type RpcCaller } from "../doors/callers.js";
import type { CodeReader } from "../support/calls.js";

const { method } = AuthService;

/** What was answered, in order, with everything replaced that has to differ between two runs. */
export type Transcript = { readonly what: string; readonly answer: unknown }[];

/** Replaces ids, tokens, addresses of callers and what depends on chance; keeps times, for the clock stands still. */
function comparable(answer: unknown): unknown {
  const varying = /(Id|Token|token|proof|Proof|Credential|userAgent|ip|correlation_id|number)$/;
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

/** Calls that are written down: those that must succeed, and those that must be refused. */
function recorded(caller: RpcCaller) {
  const transcript: Transcript = [];
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
  return { transcript, ok, refused };
}

const asUser = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** One life of a user, from registration to deletion, with the refusals on the way. */
export async function live(on: Stage, caller: RpcCaller): Promise<Transcript> {
  const { transcript, ok, refused } = recorded(caller);

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
  await refused(method.sendOtp, { identifier: { case: "userId", value: done.user!.userId } });
  const { challengeId: own } = challenge!;
  for (const rpc of [method.getChallenge, method.cancelChallenge, method.approveChallenge]) {
    await refused(rpc, { challengeId: own });
  }
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
  token = farewell.tokens!.accessToken;
  const contact = { case: "email", value: "Ada@Example.org" } as const;
  await refused(method.startContactChange, { contact, replace: "nobody@example.com" }, asUser(token));
  await refused(method.startContactChange, { contact });
  const change = await ok(method.startContactChange, { contact, replace: "ada@example.com" }, asUser(token));
  const { challengeId: changeId, code: changeCode } = await on.messageOf(change.challenge);
  await refused(method.verifyOtp, { challengeId: changeId, code: changeCode });
  await ok(method.verifyOtp, { challengeId: changeId, code: changeCode }, asUser(token));
  await ok(method.getCurrentUser, {}, asUser(token));
  await ok(method.deleteCurrentUser, {}, asUser(farewell.tokens!.accessToken));
  await refused(method.getCurrentUser, {}, asUser(farewell.tokens!.accessToken));
  return transcript;
}

/** What a backend does that may do everything: `headers` authenticate it. */
export async function serve(on: Stage, caller: RpcCaller, headers: Readonly<Record<string, string>>): Promise<Transcript> {
  const { transcript, ok, refused } = recorded(caller);
  const asBackend = { headers };
  const identifier = { case: "email", value: "grace@example.com" } as const;

  const options = { createUserIfMissing: true, codeLength: 8, codeTtl: { seconds: 120n } };
  const { challenge } = await ok(method.sendOtp, { identifier, ...options }, asBackend);
  const { challengeId, code } = await on.messageOf(challenge);
  await ok(method.getChallenge, { challengeId }, asBackend);
  const wrong = { challengeId, code: code === "00000000" ? "11111111" : "00000000" };
  await refused(method.verifyOtp, wrong, asBackend);
  await refused(method.sendOtp, { identifier, codeLength: 4 }, asBackend);
  await ok(method.getChallenge, { identifier }, asBackend);
  await refused(method.verifyOtp, { identifier, code, createUserIfMissing: false }, asBackend);
  const done = await ok(method.verifyOtp, { identifier, code, session: SessionKind.CREDENTIAL }, asBackend);
  await ok(method.getCurrentUser, {}, asUser(done.sessionCredential));
  await ok(method.revokeToken, { token: done.sessionCredential }, asBackend);
  await refused(method.getCurrentUser, {}, asUser(done.sessionCredential));

  await on.clock.advance(20_000);
  const byId = { identifier: { case: "userId", value: done.user!.userId } as const, customCode: "482915" };
  const second = (await ok(method.sendOtp, byId, asBackend)).challenge!.challengeId;
  await ok(method.approveChallenge, { challengeId: second }, asBackend);
  await refused(method.verifyOtp, { challengeId: second, code: "482915" }, asBackend);
  await refused(method.approveChallenge, { challengeId: second }, asBackend);
  const third = (await ok(method.sendOtp, { identifier: { case: "username", value: "nobody" } }, asBackend)).challenge!;
  await on.clock.advance(40_000);
  await ok(method.sendOtp, { identifier: { case: "username", value: "nobody" }, reuseLive: true }, asBackend);
  await ok(method.cancelChallenge, { challengeId: third.challengeId }, asBackend);
  await refused(method.cancelChallenge, { challengeId: third.challengeId }, asBackend);
  await refused(method.getChallenge, { challengeId: "AAAAAAAAAAAAAAAAAAAAAA" }, asBackend);
  return transcript;
}

/** The reasons of a backend's refusals, in order. */
export const backendRefusals = [
  "CODE_INVALID",
  "REQUEST_INVALID",
  "CODE_INVALID",
  "TOKEN_INVALID",
  "CODE_INVALID",
  "CHALLENGE_ENDED",
  "CHALLENGE_ENDED",
  "CHALLENGE_NOT_FOUND",
];

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
  "REQUEST_INVALID",
  "CLIENT_INVALID",
  "CLIENT_INVALID",
  "CLIENT_INVALID",
  "REFRESH_TOKEN_REUSED",
  "SESSION_ENDED",
  "SESSION_NOT_FOUND",
  ...(production ? ["PURPOSE_NOT_ALLOWED"] : []),
  "TOKEN_INVALID",
  "RECENT_SIGN_IN_REQUIRED",
  "TOKEN_INVALID",
  "REQUEST_INVALID",
  "TOKEN_INVALID",
  "CODE_INVALID",
  "TOKEN_INVALID",
];

/** The reasons of a transcript's refusals, in order. */
export function refusalsIn(transcript: Transcript): string[] {
  return transcript.filter(({ what }) => what.endsWith("refused")).map(({ answer }) => (answer as { reason: string }).reason);
}
