import type { GrpcClient } from "../../src/client/grpc.js";
import { errorDetails } from "../../src/client/grpc.js";
import type { VerifyOtpResponse } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { wrongCode } from "../support/calls.js";
import { type Aftermath, type Call, isUnanswered, newIdempotencyKey, refusalOf } from "./call.js";
import { addSession, attemptsMax, type Challenge, type Ledger, type User, widen } from "./ledger.js";

interface Guess {
  readonly ledger: Ledger;
  readonly user: User;
  readonly challenge: Challenge;
}

/** Redeems a challenge with the right code. */
export function redeem(guess: Guess, keyed: boolean): Call {
  const { user, challenge } = guess;
  const request = {
    challengeId: challenge.challengeId,
    code: challenge.code!,
    idempotencyKey: keyed ? newIdempotencyKey() : "",
  };
  return {
    what: "verify",
    user,
    async attempt(grpc) {
      noteSignIn(guess, await grpc.verifyOtp(request));
      widen(challenge.attempts, 1, 1, attemptsMax);
    },
    refused: (reason) => noteRefusal(guess, reason),
    lost() {
      widen(challenge.attempts, 0, 1, attemptsMax);
      user.wrongGuesses += 1;
    },
    async settle(after) {
      const stored = after.snapshot.challenges.get(challenge.challengeId);
      const bought = after.snapshot.redemptions.find(({ challengeId }) => challengeId === challenge.challengeId)?.sessionId;
      widen(challenge.attempts, 0, 1, attemptsMax);
      if (stored?.consumed && !keyed) return await expectRefused(guess, after, request);
      if (!stored?.consumed && stored?.attempts === attemptsMax) return await expectRefused(guess, after, request);
      const response = await after.grpc.verifyOtp(request);
      noteSignIn(guess, response);
      if (bought && response.sessionId !== bought) throw new Error("another session than the first time");
      const again = await after.grpc.verifyOtp({ ...request, idempotencyKey: newIdempotencyKey() }).catch(errorDetails);
      if (!("reason" in again) || again.reason !== "CODE_INVALID") throw new Error("another caller could redeem it again");
    },
  };
}

/** Redeems a challenge by several callers at once, with one idempotency key or each with its own. */
export function race(guess: Guess, keys: readonly string[]): Call {
  const { user, challenge } = guess;
  const requests = keys.map((idempotencyKey) => ({
    challengeId: challenge.challengeId,
    code: challenge.code!,
    idempotencyKey,
  }));
  async function all(grpc: GrpcClient): Promise<void> {
    const settled = await Promise.allSettled(requests.map((request) => grpc.verifyOtp(request)));
    widen(challenge.attempts, 0, requests.length, attemptsMax);
    user.wrongGuesses += requests.length;
    for (const one of settled) if (one.status === "fulfilled") noteSignIn(guess, one.value);
    const failures = settled.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
    const lost = failures.find(isUnanswered);
    if (lost !== undefined) throw lost;
    for (const error of failures) {
      const { reason } = errorDetails(error);
      if (reason !== "CODE_INVALID") guess.ledger.violations.push(`a racing verify of ${user.email} was refused: ${reason}`);
    }
    if (challenge.sessionIds.size === 0 && challenge.attempts.max < attemptsMax) {
      throw new Error("nobody won the race");
    }
    if (challenge.sessionIds.size === 0) challenge.state = "dead";
  }
  return {
    what: "racing verifies",
    user,
    async attempt(grpc) {
      await all(grpc);
      widen(challenge.attempts, 1, 0, attemptsMax);
    },
    settle: ({ grpc }) => all(grpc),
  };
}

/** Guesses wrong, `count` times at once. */
export function guessWrong(guess: Guess, count: number): Call {
  const { user, challenge } = guess;
  const { challengeId } = challenge;
  const right = challenge.code!;
  user.wrongGuesses += count;
  return {
    what: "wrong verify",
    user,
    async attempt(grpc) {
      // Before the calls: those that are lost may have been counted too.
      widen(challenge.attempts, 0, count, attemptsMax);
      const guesses = Array.from({ length: count }, (_, n) => grpc.verifyOtp({ challengeId, code: wrongCode(right, n) }));
      const settled = await Promise.allSettled(guesses);
      const reasons = settled.map((one) => (one.status === "rejected" ? errorDetails(one.reason).reason : "a session"));
      widen(challenge.attempts, reasons.filter((reason) => reason === "CODE_INVALID").length, 0, attemptsMax);
      if (challenge.attempts.min === attemptsMax) challenge.state = "dead";
      for (const reason of reasons) {
        if (reason !== null && reason !== "CODE_INVALID") {
          guess.ledger.violations.push(`a wrong guess of ${user.email} gave ${reason}`);
        }
      }
      const lost = settled.find((one) => one.status === "rejected" && isUnanswered(one.reason));
      if (lost?.status === "rejected") throw lost.reason;
    },
  };
}

function noteRefusal({ ledger, user, challenge }: Guess, reason: string): void {
  const mayBeExhausted = challenge.attempts.max >= attemptsMax;
  if (reason === "CODE_INVALID" && mayBeExhausted) challenge.state = "dead";
  else ledger.violations.push(`the right code of ${user.email} was refused: ${reason}`);
}

async function expectRefused(
  { user, challenge }: Guess,
  { grpc, snapshot }: Aftermath,
  request: Parameters<GrpcClient["verifyOtp"]>[0],
): Promise<void> {
  const reason = await refusalOf(grpc.verifyOtp(request));
  if (reason !== "CODE_INVALID") throw new Error(`a spent code gave ${reason ?? "a session"}`);
  challenge.state = "dead";
  if (!snapshot.challenges.get(challenge.challengeId)?.consumed) return;
  user.lostSessions += 1;
  user.userId ??= snapshot.contacts.get(user.email) ?? null;
}

function noteSignIn({ ledger, user, challenge }: Guess, { tokens, sessionId, user: signedIn }: VerifyOtpResponse): void {
  const { email } = user;
  if (tokens === undefined || signedIn === undefined) throw new Error("no tokens");
  challenge.state = "redeemed";
  challenge.sessionIds.add(sessionId);
  if (challenge.sessionIds.size > 1) ledger.violations.push(`challenge ${challenge.challengeId} of ${email} bought twice`);
  if (user.userId !== null && user.userId !== signedIn.userId) ledger.violations.push(`${email} became another user`);
  user.userId = signedIn.userId;
  addSession(user, { sessionId, accessToken: tokens.accessToken, refreshToken: tokens.refreshToken });
}
