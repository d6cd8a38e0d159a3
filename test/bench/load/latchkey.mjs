import { setTimeout as sleep } from "node:timers/promises";
import { Metadata } from "@grpc/grpc-js";
import { createCaller } from "./grpc.mjs";
import { isOverloaded, retryMs } from "./refusals.mjs";
import { fieldAt, stringField } from "./wire.mjs";

const path = (method) => `/latchkey.v1.AuthService/${method}`;
const paths = {
  sendOtp: path("SendOtp"),
  verifyOtp: path("VerifyOtp"),
  refreshToken: path("RefreshToken"),
  getCurrentUser: path("GetCurrentUser"),
};
const createIfMissing = Buffer.of((8 << 3) | 0, 1);
const nothing = Buffer.alloc(0);

export const emailOf = (user) => `person${user}@example.com`;

/** What a caller does with a Latchkey server that has `users` users, each the next one's turn. */
export function createLatchkey({ port, users, firstUser = 0 }, codes) {
  const call = createCaller(port);
  const sessions = [];
  let turn = 0;

  function nextUser() {
    turn += 1;
    return emailOf(firstUser + (turn % users));
  }

  async function send(lane, email, create = nothing) {
    codes.expect(email);
    const reply = await call(lane, paths.sendOtp, Buffer.concat([stringField(1, email), create]));
    return fieldAt(reply, 1, 1).toString();
  }

  /** A whole login of somebody: code asked for, received and redeemed. */
  async function login(lane, { email = nextUser(), create = nothing } = {}) {
    const challengeId = await send(lane, email, create);
    const code = await codes.next(email);
    if (code === null) throw new Error(`no code came to ${email}`);
    const request = Buffer.concat([stringField(1, challengeId), stringField(2, code)]);
    const tokens = fieldAt(await patiently(() => call(lane, paths.verifyOtp, request)), 3);
    if (tokens === undefined) throw new Error("a login without tokens");
    return sessionOf(tokens);
  }

  async function sessionFor(lane) {
    sessions[lane] ??= await login(lane);
    return sessions[lane];
  }

  return {
    login,
    async register(lane, user) {
      await login(lane, { email: emailOf(firstUser + user), create: createIfMissing });
    },
    async refresh(lane) {
      const { refreshToken } = await sessionFor(lane);
      sessions[lane] = sessionOf(fieldAt(await call(lane, paths.refreshToken, stringField(1, refreshToken)), 1));
    },
    async currentUser(lane) {
      const { metadata } = await sessionFor(lane);
      await call(lane, paths.getCurrentUser, nothing, metadata);
    },
  };
}

/** Who has a code does not give up when turned away, but tries again after the wait that RetryInfo asks for at least. */
async function patiently(act, triesLeft = 20) {
  try {
    return await act();
  } catch (error) {
    if (!isOverloaded(error) || triesLeft === 0) throw error;
    await sleep(retryMs);
    return await patiently(act, triesLeft - 1);
  }
}

function sessionOf(tokens) {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${fieldAt(tokens, 1)}`);
  return { metadata, refreshToken: fieldAt(tokens, 5).toString() };
}
