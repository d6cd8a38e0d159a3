import { errorDetails } from "../../src/client/grpc.js";
import { type Server, until } from "../support/server.js";

/** A server under load, and how it reaches the database. */
export interface Loaded<Way extends string = string> {
  readonly by: Way;
  readonly server: Server;
  readonly calls: TimedCall[];
}

interface TimedCall {
  readonly what: string;
  readonly endedAt: number;
  /** Null: it succeeded. */
  readonly reason: string | null;
}

/** A redemption that was acknowledged, and what became of its session. */
export interface SignedIn {
  readonly challengeId: string;
  readonly code: string;
  readonly userId: string;
  readonly sessionId: string;
  /** The newest. */
  refreshToken: string;
  rotations: number;
  state: "in use" | "left alone" | "revoked";
}

export interface SignIns {
  readonly signedIn: readonly SignedIn[];
  /** Challenges whose code was refused. */
  readonly refused: readonly string[];
  /** Challenges that bought two sessions. */
  readonly boughtTwice: readonly string[];
  stop(): Promise<void>;
}

export interface SignInsOptions<Way extends string> {
  readonly servers: readonly Loaded<Way>[];
  readonly callersEach: number;
  /** The codes that were mailed to an address, oldest first. */
  readonly codesOf: (email: string) => readonly string[];
}

/** Every caller signs in one new user after the other, renews the tokens twice, and ends every third session. */
export function signInAgainAndAgain<Way extends string>({ servers, callersEach, codesOf }: SignInsOptions<Way>): SignIns {
  let running = true;
  const signedIn: SignedIn[] = [];
  const refused: string[] = [];
  const boughtTwice: string[] = [];

  /** Makes a call, again with the same idempotency key while the database is away. Null: it was refused otherwise, or load ends. */
  async function answered<T>({ calls }: Loaded, what: string, act: () => Promise<T>): Promise<T | null> {
    while (running) {
      try {
        const answer = await act();
        calls.push({ what, endedAt: performance.now(), reason: null });
        return answer;
      } catch (error) {
        const reason = errorDetails(error).reason ?? String(error);
        calls.push({ what, endedAt: performance.now(), reason });
        if (reason !== "UNAVAILABLE") return null;
        await sleep(50);
      }
    }
    return null;
  }

  /** With one key, or with two at two servers at once, of which one must win at most. */
  async function redeem(buyers: readonly Loaded[], of: { readonly challengeId: string; readonly code: string }, name: string) {
    const answers = buyers.map((on, n) =>
      answered(on, "verify", () => on.server.grpc.verifyOtp({ ...of, idempotencyKey: `${name}-verify-${n}-of-sign-ins` })),
    );
    const bought = (await Promise.all(answers)).filter((answer) => answer !== null);
    if (bought.length > 1) boughtTwice.push(of.challengeId);
    return bought[0] ?? null;
  }

  /** A send does not wait for the disk: a primary that is lost may forget it, and a repeated one then sends another code. */
  async function redeemMailed(buyers: readonly Loaded[], challengeId: string, email: string) {
    for (let tried = 0; running; tried += 1) {
      const code = await until("a code", () => codesOf(email)[tried], 4_000).catch(() => null);
      if (code === null && tried > 0) refused.push(challengeId);
      if (code === null) return null;
      const bought = await redeem(buyers, { challengeId, code }, `${email}-${tried}`);
      if (bought !== null) return { bought, code };
    }
    return null;
  }

  async function signIn(on: Loaded, email: string, how: { readonly buyers: readonly Loaded[]; readonly ends: boolean }) {
    const { grpc } = on.server;
    const keyOf = (what: string) => ({ idempotencyKey: `${email}-${what}-of-sign-ins` });
    const identifier = { case: "email", value: email } as const;
    const sent = await answered(on, "send", () => grpc.sendOtp({ identifier, createUserIfMissing: true, ...keyOf("send") }));
    const challengeId = sent?.challenge?.challengeId;
    const redeemed = challengeId === undefined ? null : await redeemMailed(how.buyers, challengeId, email);
    if (challengeId === undefined || redeemed === null) return;
    const { sessionId, user, tokens } = redeemed.bought;
    const one: SignedIn = {
      challengeId,
      code: redeemed.code,
      userId: user!.userId,
      sessionId,
      refreshToken: tokens!.refreshToken,
      rotations: 0,
      state: "in use",
    };
    signedIn.push(one);
    for (const turn of ["first", "second"]) {
      const { refreshToken } = one;
      const renewed = await answered(on, `${turn} renewal`, () => grpc.refreshToken({ refreshToken, ...keyOf(turn) }));
      if (renewed === null) return;
      one.refreshToken = renewed.tokens!.refreshToken;
      one.rotations += 1;
    }
    if (!how.ends) one.state = "left alone";
    else if ((await answered(on, "revocation", () => grpc.revokeToken({ token: one.refreshToken }))) !== null)
      one.state = "revoked";
  }

  async function call(server: number, caller: number): Promise<void> {
    const on = servers[server]!;
    const other = servers[(server + 1) % servers.length]!;
    for (let n = 0; running; n += 1) {
      const buyers = n % 3 === 1 ? [on, other] : [on];
      await signIn(on, `server${server}-${caller}-${n}@example.com`, { buyers, ends: n % 3 === 2 });
      await sleep(20);
    }
  }

  const callers = servers.flatMap((_, server) => Array.from({ length: callersEach }, (_, caller) => call(server, caller)));
  return {
    signedIn,
    refused,
    boughtTwice,
    async stop() {
      running = false;
      await Promise.all(callers);
    },
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
