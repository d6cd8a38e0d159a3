import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { GrpcClient } from "../../src/client/grpc.js";
import type { Challenge as ChallengeMessage } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { type Aftermath, type Call, newIdempotencyKey } from "./call.js";
import { addChallenge, type Challenge, sendsMax, type User, widen } from "./ledger.js";

/** Clocks are read before and after the wire. */
const marginMs = 100;

/** Asks for a first or another code to the user's address, by RegisterUser or SendOtp. */
export function send(user: User, how: { readonly method: "register" | "send"; readonly keyed: boolean }): Call {
  const idempotencyKey = how.keyed ? newIdempotencyKey() : "";
  const { email } = user;
  async function ask(grpc: GrpcClient): Promise<ChallengeMessage | undefined> {
    if (how.method === "register")
      return (await grpc.registerUser({ email, displayName: email, idempotencyKey })).challenges[0];
    const identifier = { case: "email" as const, value: email };
    return (await grpc.sendOtp({ identifier, createUserIfMissing: true, idempotencyKey })).challenge;
  }
  return {
    what: how.method,
    user,
    async attempt(grpc) {
      note(user, await ask(grpc));
    },
    lost() {
      if (!how.keyed) user.abandoned = true;
    },
    async settle({ grpc, snapshot }) {
      if (!how.keyed) return;
      const unknown = unknownChallenges(user, snapshot);
      const { challengeId } = note(user, await ask(grpc));
      if (unknown.length > 0 && !unknown.includes(challengeId)) throw new Error("another challenge than the first time");
    },
  };
}

/** Asks for the code of an open challenge once more. */
export function resend(user: User, challenge: Challenge, keyed: boolean): Call {
  const { challengeId } = challenge;
  const request = {
    identifier: { case: "challengeId" as const, value: challengeId },
    idempotencyKey: keyed ? newIdempotencyKey() : "",
  };
  async function ask(grpc: GrpcClient): Promise<number> {
    const { challenge: answer } = await grpc.sendOtp(request);
    challenge.resendAt = resendAtOf(answer);
    user.nextSendAt = challenge.resendAt;
    return sendsMax - (answer?.sendsLeft ?? 0);
  }
  return {
    what: "resend",
    user,
    async attempt(grpc) {
      const { min } = challenge.sends;
      expectSends(await ask(grpc), min + 1);
      widen(challenge.sends, 1, 1, sendsMax);
    },
    lost() {
      widen(challenge.sends, 0, 1, sendsMax);
      // Whether there is a cooldown is not known, so this user asks for no other code.
      user.nextSendAt = Number.POSITIVE_INFINITY;
      challenge.resendAt = Number.POSITIVE_INFINITY;
    },
    async settle({ grpc }) {
      if (!keyed) return;
      const sends = await ask(grpc);
      expectSends(sends, challenge.sends.max);
      challenge.sends.min = sends;
    },
  };
}

function note(user: User, issued: ChallengeMessage | undefined): Challenge {
  if (issued === undefined) throw new Error("no challenge in the answer");
  const resendAt = resendAtOf(issued);
  user.nextSendAt = resendAt;
  return addChallenge(user, { challengeId: issued.challengeId, resendAt });
}

function resendAtOf(challenge: ChallengeMessage | undefined): number {
  return challenge?.resendAt === undefined ? Number.POSITIVE_INFINITY : timestampMs(challenge.resendAt) + marginMs;
}

function expectSends(sends: number, expected: number): void {
  if (sends !== expected) throw new Error(`${sends} sends, not ${expected}`);
}

function unknownChallenges(user: User, snapshot: Aftermath["snapshot"]): string[] {
  const known = user.challenges.map(({ challengeId }) => challengeId);
  return [...snapshot.challenges]
    .filter(([id, { contact }]) => contact === user.email && !known.includes(id))
    .map(([id]) => id);
}
