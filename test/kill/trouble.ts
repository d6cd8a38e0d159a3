import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { errorDetails } from "../../src/client/grpc.js";
import { watchHealth } from "../serve/probes.js";
import { bearer, reasonOf, signIn } from "../serve/sign-in.js";
import { type Server, until } from "../support/server.js";

/** A server, what it says of its health, and somebody who was signed in before the trouble began. */
export interface Troubled {
  readonly server: Server;
  /** What gRPC health said, latest last. */
  readonly health: readonly boolean[];
  readonly accessToken: string;
  refreshToken: string;
  close(): void;
}

export async function watch(server: Server): Promise<Troubled> {
  const health: boolean[] = [];
  const watching = watchHealth(server, (serving) => health.push(serving));
  await until("its health", () => health.at(-1) || undefined);
  const { accessToken, refreshToken } = await signIn(server, "before@example.com");
  return { server, health, accessToken, refreshToken, close: () => watching.close() };
}

export const ready = async ({ httpUrl }: Server): Promise<boolean> => (await fetch(`${httpUrl}/readyz`)).status === 200;

/** What `refusedAfterMs` throws for a call that was granted. */
export class NotRefused extends Error {}

/** How long one call took that must be refused, and be refused as unavailable. */
export async function refusedAfterMs(call: Promise<unknown>): Promise<number> {
  const begunAt = performance.now();
  const error = await call.then(
    () => {
      throw new NotRefused("the call was not refused");
    },
    (failure: unknown) => failure as { readonly code?: number },
  );
  expect([error.code, errorDetails(error).reason]).toEqual([14, "UNAVAILABLE"]);
  expect(errorDetails(error).retryAfterMs).toBeGreaterThan(0);
  return performance.now() - begunAt;
}

/** A sign-in by somebody new: it needs room for a challenge, budgets and a message. */
export const sendTo = ({ grpc }: Server, email = `${randomBytes(8).toString("hex")}@example.com`) =>
  grpc.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });

/**
 * Everybody who wants to write is refused as unavailable within `withinMs`, also when many come at once; both kinds of health say
 * so. Gives how long the slowest waited.
 */
export async function expectRefusals(on: Troubled, { withinMs }: { readonly withinMs: number }): Promise<number> {
  const { server } = on;
  await refusedAfterMs(sendTo(server));
  const waits = await Promise.all([
    ...Array.from({ length: 16 }, () => refusedAfterMs(sendTo(server))),
    ...Array.from({ length: 20 }, () => refusedAfterMs(server.grpc.refreshToken({ refreshToken: on.refreshToken }))),
  ]);
  const longest = Math.max(...waits);
  expect(longest).toBeLessThan(withinMs);
  await expectNotReady(on);
  return longest;
}

export async function expectNotReady({ server, health }: Troubled): Promise<void> {
  await until("gRPC health to say NOT_SERVING", () => (health.at(-1) === false ? true : undefined));
  await until("/readyz to say so", async () => ((await ready(server)) ? undefined : true));
}

/** Without anybody's help it is ready again, the old session goes on and new ones are made. Gives after how many ms. */
export async function expectRecovery(on: Troubled, withinMs = 5_000): Promise<number> {
  const { server, health } = on;
  const begunAt = performance.now();
  await until("gRPC health to say SERVING", () => health.at(-1) || undefined, withinMs);
  await until("/readyz to say so", async () => (await ready(server)) || undefined, withinMs);
  const tookMs = performance.now() - begunAt;
  expect(await reasonOf(server.grpc.getCurrentUser({}, bearer(on.accessToken)))).toBe(null);
  on.refreshToken = (await server.grpc.refreshToken({ refreshToken: on.refreshToken })).tokens!.refreshToken;
  await signIn(server, `${randomBytes(8).toString("hex")}@example.com`);
  return tookMs;
}

/** What the log says of the database as a whole: one line when it is lost, one when it is back. */
export const linesOfDatabase = ({ stdout }: Server): readonly string[] =>
  stdout.filter((line) => / (not ready: |ready: the process can serve again)/.test(line));
