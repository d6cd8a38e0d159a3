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
const userPaths = { getUser: "/latchkey.v1.UserService/GetUser", listUsers: "/latchkey.v1.UserService/ListUsers" };
const pageSize = (count) => Buffer.of((2 << 3) | 0, count);
const createIfMissing = Buffer.of((8 << 3) | 0, 1);
const nothing = Buffer.alloc(0);

export const emailOf = (user) => `person${user}@example.com`;

/** What a caller does with a Latchkey server that has `users` users, each the turn of the one that is `stride` further on. */
export function createLatchkey({ port, users, firstUser = 0, stride = 1, admin = "" }, codes) {
  const call = createCaller(port);
  let sessions = [];
  let adopted = 0;
  let turn = 0;
  let sessionTurn = 0;
  const asAdmin = new Metadata();
  asAdmin.set("authorization", admin);
  /** Where each lane is in the list of all users. */
  const places = [];
  const anyUser = () => Math.floor(Math.random() * users);
  /** Had no code sent, because the server was overloaded. */
  const turnedAway = [];

  /** An overloaded server must not use up turns: everybody's next turn would come within the cooldown of the last. */
  function nextUser() {
    const waiting = turnedAway.pop();
    if (waiting !== undefined) return waiting;
    turn += 1;
    return emailOf(firstUser + ((turn * stride) % users));
  }

  async function send(lane, email, create = nothing) {
    codes.expect(email);
    const reply = await call(lane, paths.sendOtp, Buffer.concat([stringField(1, email), create]));
    return fieldAt(reply, 1, 1).toString();
  }

  /** A whole login of somebody: code asked for, received and redeemed. */
  async function login(lane, { email = nextUser(), create = nothing } = {}) {
    const startedAt = performance.now();
    const challengeId = await send(lane, email, create).catch((error) => {
      if (isOverloaded(error)) turnedAway.push(email);
      throw error;
    });
    const sentAt = performance.now();
    const code = await codes.next(email);
    if (code === null) throw new Error(`no code came to ${email}`);
    const request = Buffer.concat([stringField(1, challengeId), stringField(2, code)]);
    const receivedAt = performance.now();
    const tokens = fieldAt(await patiently(() => call(lane, paths.verifyOtp, request)), 3);
    if (tokens === undefined) throw new Error("a login without tokens");
    const partsMs = { SendOtp: sentAt - startedAt, VerifyOtp: performance.now() - receivedAt };
    return { ...sessionOf(tokens), partsMs };
  }

  /** The next of the sessions that were adopted; without any each lane has its own. */
  function nextSession(lane) {
    if (adopted === 0) return lane;
    sessionTurn += 1;
    return sessionTurn % adopted;
  }

  async function refreshAt(place, lane) {
    sessions[place] ??= await login(lane);
    const { refreshToken } = sessions[place];
    const next = sessionOf(fieldAt(await call(lane, paths.refreshToken, stringField(1, refreshToken)), 1));
    // An adopted session looks itself up with its first access token, which the server has verified before: what is measured then
    // does not depend on how often it was refreshed.
    sessions[place] = adopted > 0 ? { ...next, metadata: sessions[place].metadata ?? next.metadata } : next;
  }

  async function currentUserAt(place, lane) {
    sessions[place] ??= await login(lane);
    await call(lane, paths.getCurrentUser, nothing, sessions[place].metadata);
  }

  async function listUsers(lane, request) {
    const reply = await call(lane, userPaths.listUsers, request, asAdmin);
    if (fieldAt(reply, 1) === undefined) throw new Error("a page without users");
    return fieldAt(reply, 2);
  }

  return {
    login,
    /** Asks for a code that is not redeemed. */
    send: (lane) => send(lane, nextUser()),
    async getUser(lane) {
      const reply = await call(lane, userPaths.getUser, stringField(5, emailOf(firstUser + anyUser())), asAdmin);
      if (fieldAt(reply, 1) === undefined) throw new Error("no user");
    },
    /** The next page of 50 users. */
    async listUsers(lane) {
      const place = places[lane] ?? nothing;
      const token = await listUsers(lane, Buffer.concat([pageSize(50), place]));
      places[lane] = token === undefined || token.length === 0 ? nothing : stringField(3, token.toString());
    },
    /** Ten users whose addresses begin alike. */
    async searchUsers(lane) {
      const beginning = `person${Math.floor((firstUser + anyUser()) / 10)}`;
      await listUsers(lane, Buffer.concat([pageSize(10), stringField(4, stringField(1, beginning))]));
    },
    async register(lane, user) {
      await login(lane, { email: emailOf(firstUser + user), create: createIfMissing });
    },
    /** Goes on with sessions that somebody else began, each refreshed and looked up once. */
    async adopt(refreshTokens) {
      sessions = refreshTokens.map((refreshToken) => ({ refreshToken }));
      adopted = sessions.length;
      for (let place = 0; place < adopted; place += 8) {
        const some = Array.from({ length: Math.min(8, adopted - place) }, async (_, lane) => {
          await refreshAt(place + lane, lane);
          await currentUserAt(place + lane, lane);
        });
        await Promise.all(some);
      }
    },
    refresh: (lane) => refreshAt(nextSession(lane), lane),
    currentUser: (lane) => currentUserAt(nextSession(lane), lane),
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
