import { randomUUID } from "node:crypto";
import { call, refresh, signIn, type Tokens } from "./caller.js";
import type { Latchkey } from "./latchkey.js";
import type { ResourceServer } from "./resource-servers.js";

export interface IssuedToken {
  readonly accessToken: string;
  readonly userId: string;
}

/** People who sign in and stay signed in, and everybody who looks at their tokens. */
export interface Load {
  /** In the order of their issue. */
  readonly issued: readonly IssuedToken[];
  /** How often a token was looked at. */
  readonly checked: number;
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

const peopleMax = 4;
const refreshesPerSignIn = 5;

/** Runs sign-ins and refreshes until it is stopped. Every token is checked when it is issued, and earlier ones are checked again. */
export function startLoad(latchkey: Latchkey, servers: readonly ResourceServer[]): Load {
  const issued: IssuedToken[] = [];
  const failures: string[] = [];
  let checked = 0;
  let stopping = false;

  async function check({ accessToken, userId }: IssuedToken, what: string): Promise<void> {
    const ownAnswer = async () =>
      (await call<{ user: { userId: string } }>(latchkey, "GetCurrentUser", {}, { accessToken })).user.userId;
    const asked = [{ name: "Latchkey", subjectOf: ownAnswer }, ...servers];
    const answers = await Promise.allSettled(asked.map((server) => server.subjectOf(accessToken)));
    checked += answers.length;
    for (const [at, answer] of answers.entries()) {
      if (answer.status === "fulfilled" && answer.value === userId) continue;
      failures.push(`${asked[at]!.name}, ${what}: ${answer.status === "rejected" ? answer.reason : `subject ${answer.value}`}`);
    }
  }

  async function issue(tokens: Tokens, userId: string): Promise<void> {
    const token = { accessToken: tokens.accessToken, userId };
    issued.push(token);
    await check(token, "a new token");
    await check(issued[Math.floor(Math.random() * issued.length)]!, "an earlier token");
  }

  async function person(): Promise<void> {
    while (!stopping) {
      let { tokens, user } = await signIn(latchkey, `${randomUUID()}@example.com`);
      await issue(tokens, user.userId);
      for (let refreshes = 0; refreshes < refreshesPerSignIn && !stopping; refreshes += 1) {
        tokens = await refresh(latchkey, tokens.refreshToken);
        await issue(tokens, user.userId);
      }
    }
  }

  const people = Array.from({ length: peopleMax }, () => person().catch((error: unknown) => void failures.push(String(error))));
  return {
    issued,
    failures,
    get checked() {
      return checked;
    },
    async stop() {
      stopping = true;
      await Promise.all(people);
    },
  };
}
