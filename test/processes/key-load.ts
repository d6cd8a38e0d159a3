import { randomUUID } from "node:crypto";
import type { Client } from "@connectrpc/connect";
import type { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { refusalOf, wrongCode } from "../support/calls.js";
import { type Env, type Server, startServer, until } from "../support/server.js";

type Auth = Client<typeof AuthService>;

interface Member {
  readonly server: Server;
  inFlight: number;
}

/** Processes behind a balancer that gives each call to any of them. */
export interface Balanced {
  readonly servers: readonly Server[];
  call<T>(make: (server: Server) => Promise<T>): Promise<T>;
  /** Calls one process, and then another one in the same way. */
  callTwice<T>(make: (server: Server) => Promise<T>): Promise<readonly [T, T]>;
  /** Starts a process anew with other settings, or another program. It gets no more calls and answers its last ones first. */
  replace(server: Server, env: Env, program?: readonly [string, ...string[]]): Promise<void>;
}

export function balance(servers: readonly Server[]): Balanced {
  const members: Member[] = servers.map((server) => ({ server, inFlight: 0 }));
  const any = (but?: Member) => {
    const others = members.filter((member) => member !== but);
    return others[Math.floor(Math.random() * others.length)]!;
  };
  async function at<T>(member: Member, make: (server: Server) => Promise<T>): Promise<T> {
    member.inFlight += 1;
    try {
      return await make(member.server);
    } finally {
      member.inFlight -= 1;
    }
  }
  return {
    get servers() {
      return members.map(({ server }) => server);
    },
    call: (make) => at(any(), make),
    async callTwice(make) {
      const first = any();
      const answer = await at(first, make);
      return [answer, await at(any(first), make)];
    },
    async replace(server, env, program) {
      const index = members.findIndex((member) => member.server === server);
      const [old] = members.splice(index, 1);
      await until("the last answer of a process", () => old!.inFlight === 0 || undefined);
      const { code, stderr } = await server.stop();
      if (code !== 0) throw new Error(`a server ended with ${code}\n${stderr.join("\n")}`);
      const started = await startServer(env, { folder: server.folder, ...(program !== undefined && { program }) });
      members.push({ server: started, inFlight: 0 });
    },
  };
}

/** A session that was given, and the newest refresh token of it. */
export interface Kept {
  readonly email: string;
  readonly sessionId: string;
  readonly refreshToken: string;
}

export interface KeyLoad {
  /** What a person who signed in holds, in the order of the sign-ins. */
  readonly kept: readonly Kept[];
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

/**
 * People who register, sign in and refresh, each call and its repeat at another process. Everything that is not as it should be is a
 * failure.
 */
export function startKeyLoad(fleet: Balanced, codeFor: (email: string) => string | undefined, people = 4): KeyLoad {
  const kept: Kept[] = [];
  const failures: string[] = [];
  let stopping = false;

  /** The answer of a call and of its repeat, which are to be the same. */
  async function twice<T>(what: string, make: (auth: Auth) => Promise<T>, nameOf: (answer: T) => unknown): Promise<T> {
    const answers = await fleet.callTwice(({ auth }) => make(auth));
    const [first, repeated] = answers.map(nameOf);
    if (first !== repeated) failures.push(`${what}: the repeat has another outcome`);
    return answers[0];
  }

  async function register(email: string, username: string): Promise<string> {
    const request = { email, username, displayName: username, idempotencyKey: randomUUID() };
    const { challenges } = await twice(
      "RegisterUser",
      (auth) => auth.registerUser(request),
      (answer) => answer.challenges[0]!.challengeId,
    );
    return challenges[0]!.challengeId;
  }

  async function send(email: string): Promise<string> {
    const request = { identifier: { case: "email", value: email }, createUserIfMissing: true } as const;
    const idempotencyKey = randomUUID();
    const { challenge } = await twice(
      "SendOtp",
      (auth) => auth.sendOtp({ ...request, idempotencyKey }),
      (answer) => answer.challenge!.challengeId,
    );
    return challenge!.challengeId;
  }

  async function signIn(registers: boolean): Promise<Kept> {
    const username = `u${randomUUID().slice(0, 8)}`;
    const email = `${username}@example.com`;
    const challengeId = registers ? await register(email, username) : await send(email);
    const code = await until(`the code of ${email}`, () => codeFor(email), 60_000);
    // Four of five attempts: what a process without the key spent would be one too many.
    for (let n = 0; n < 4; n += 1) {
      const reason = await reasonOf(() => fleet.call(({ auth }) => auth.verifyOtp({ challengeId, code: wrongCode(code, n) })));
      if (reason !== "CODE_INVALID") failures.push(`a wrong code: ${reason}`);
    }
    const guess = { challengeId, code, idempotencyKey: randomUUID() };
    const { tokens, user } = await twice(
      "VerifyOtp",
      (auth) => auth.verifyOtp(guess),
      (answer) => answer.tokens!.refreshToken,
    );
    if (registers && user!.username !== username) failures.push(`the profile of ${username} is lost`);
    return { email, sessionId: tokens!.sessionId, refreshToken: tokens!.refreshToken };
  }

  async function refresh(session: Kept): Promise<Kept> {
    const request = { refreshToken: session.refreshToken, idempotencyKey: randomUUID() };
    const { tokens } = await twice(
      "RefreshToken",
      (auth) => auth.refreshToken(request),
      (answer) => answer.tokens!.refreshToken,
    );
    if (tokens!.sessionId !== session.sessionId) failures.push("a refresh gave another session");
    return { ...session, refreshToken: tokens!.refreshToken };
  }

  async function person(): Promise<void> {
    const own: number[] = [];
    for (let round = 0; !stopping; round += 1) {
      own.push(kept.push(await signIn(round % 2 === 0)) - 1);
      // Of the sessions so far, which earlier keys made.
      for (let refreshes = 0; refreshes < 4; refreshes += 1) {
        const index = own[Math.floor(Math.random() * own.length)]!;
        kept[index] = await refresh(kept[index]!);
      }
    }
  }

  const running = Array.from({ length: people }, () => person().catch((error: unknown) => void failures.push(String(error))));
  return {
    kept,
    failures,
    async stop() {
      stopping = true;
      await Promise.all(running);
    },
  };
}

async function reasonOf(call: () => Promise<unknown>): Promise<string> {
  return await call().then(
    () => "accepted",
    (error: unknown) => refusalOf(error).reason,
  );
}
