import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { errorDetails } from "../../src/client/grpc.js";
import { wrongCode } from "../support/calls.js";
import { endServers, productionEnv, type Server, startServer, until } from "../support/server.js";
import { startMailbox } from "./mail.js";

const codes = new Map<string, string>();
let mail: Awaited<ReturnType<typeof startMailbox>>;

beforeAll(async () => {
  mail = await startMailbox((to, code) => void codes.set(to, code));
});

afterEach(endServers);

afterAll(async () => await mail.stop());

const identifier = (value: string) => ({ case: "email" as const, value });

/** How long the server says that a call has to wait. */
async function waitOf(call: Promise<unknown>): Promise<number> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  const { reason, retryAfterMs } = errorDetails(error);
  expect(reason).toBe("TOO_MANY_REQUESTS");
  return retryAfterMs!;
}

/** Asks before and after a kill: the wait has not become shorter than by the time that passed. */
async function expectWaitKept(server: Server, ask: (on: Server) => Promise<unknown>): Promise<Server> {
  const before = await waitOf(ask(server));
  const askedAt = Date.now();
  await server.kill();
  const restarted = await server.restart();
  const after = await waitOf(ask(restarted));
  expect(after).toBeGreaterThanOrEqual(before - (Date.now() - askedAt) - 50);
  expect(after).toBeLessThanOrEqual(before);
  return restarted;
}

async function spendGuesses(server: Server, email: string): Promise<string> {
  let challengeId = "";
  for (let challenge = 0; challenge < 2; challenge += 1) {
    const sent = await server.grpc.sendOtp({ identifier: identifier(email) });
    challengeId = sent.challenge!.challengeId;
    for (let n = 0; n < 5; n += 1) {
      const guess = server.grpc.verifyOtp({ challengeId, code: wrongCode("000000", n) });
      await expect(guess.catch((error: unknown) => errorDetails(error).reason)).resolves.toBe("CODE_INVALID");
    }
  }
  return challengeId;
}

it("a cooldown between sends is as long after a kill as before, for a user and for nobody", async () => {
  let server = await startServer(productionEnv(mail.port));
  const known = "cooldown@example.com";
  const { challenge } = await server.grpc.sendOtp({ identifier: identifier(known), createUserIfMissing: true });
  await server.grpc.sendOtp({ identifier: identifier("nobody@example.com") });
  for (const email of [known, "nobody@example.com"]) {
    server = await expectWaitKept(server, (on) => on.grpc.sendOtp({ identifier: identifier(email) }));
  }
  const { challengeId } = challenge!;
  await expectWaitKept(server, (on) => on.grpc.sendOtp({ identifier: { case: "challengeId", value: challengeId } }));
});

it("a spent guess budget is as spent after a kill as before, with the right code too", async () => {
  // Development, where two sends need not be half a minute apart; the budget of guesses is the same.
  const { LATCHKEY_SMTP_URL } = productionEnv(mail.port);
  const server = await startServer({
    LATCHKEY_MODE: "development",
    LATCHKEY_GRPC_LISTEN: "127.0.0.1:0",
    LATCHKEY_HTTP_LISTEN: "127.0.0.1:0",
    LATCHKEY_METRICS_LISTEN: "127.0.0.1:0",
    LATCHKEY_INBOX_LISTEN: "127.0.0.1:0",
    LATCHKEY_CODE_HASH: "fast",
    LATCHKEY_RESEND_COOLDOWN: "0",
    LATCHKEY_SMTP_URL: LATCHKEY_SMTP_URL!,
  });
  const email = "guesses@example.com";
  await spendGuesses(server, email);
  codes.delete(email);
  const { challenge } = await server.grpc.sendOtp({ identifier: identifier(email), createUserIfMissing: true });
  const code = await until("the code", () => codes.get(email));
  const { challengeId } = challenge!;
  const restarted = await expectWaitKept(server, (on) => on.grpc.verifyOtp({ challengeId, code: wrongCode(code) }));
  await expectWaitKept(restarted, (on) => on.grpc.verifyOtp({ challengeId, code }));
});

it("attempts that were spent stay spent: five guesses around three kills, and the right code is refused", async () => {
  let server = await startServer(productionEnv(mail.port));
  const email = "attempts@example.com";
  const { challenge } = await server.grpc.sendOtp({ identifier: identifier(email), createUserIfMissing: true });
  const { challengeId } = challenge!;
  const code = await until("the code", () => codes.get(email));
  for (const guesses of [2, 2, 1]) {
    for (let n = 0; n < guesses; n += 1) {
      const guess = server.grpc.verifyOtp({ challengeId, code: wrongCode(code, n) });
      await expect(guess.catch((error: unknown) => errorDetails(error).reason)).resolves.toBe("CODE_INVALID");
    }
    await server.kill();
    server = await server.restart();
  }
  const right = server.grpc.verifyOtp({ challengeId, code });
  await expect(right.catch((error: unknown) => errorDetails(error).reason)).resolves.toBe("CODE_INVALID");
});
