import type { Methods } from "./calling.js";
import type { Actions, Kind, Results } from "./history.js";
import { generationOf, type World } from "./world.js";

/** What a call needs beside its names: secrets, which no record holds. */
export interface Secrets {
  /** Of a guess. */
  readonly code?: string;
  /** The refresh token to exchange, or the token to revoke. */
  readonly token?: string;
}

type Perform<K extends Kind> = (methods: Methods, action: Actions[K], given: Given) => Promise<Results[K]>;
type Given = Secrets & { readonly world: World };

/** How each kind of call is made, and what of its answer is kept for the record and for the workers. */
export const performers: { readonly [K in Kind]: Perform<K> } = {
  async send(methods, { identifier, purpose, key }, { world }) {
    const idempotencyKey = key ?? "";
    const challenge =
      purpose === "registration"
        ? (await methods.registerUser({ email: identifier, idempotencyKey })).challenges[0]
        : (
            await methods.sendOtp({
              identifier: { case: "email", value: identifier },
              createUserIfMissing: true,
              idempotencyKey,
            })
          ).challenge;
    world.addChallenge({ challenge: challenge!.challengeId, identifier, purpose });
    return { challenge: challenge!.challengeId };
  },
  async resend(methods, { challenge, key }) {
    await methods.sendOtp({ identifier: { case: "challengeId", value: challenge }, idempotencyKey: key ?? "" });
    return {};
  },
  async verify(methods, { challenge, key }, { code, world }) {
    const { tokens, sessionId, user } = await methods.verifyOtp({
      challengeId: challenge,
      code: code!,
      idempotencyKey: key ?? "",
    });
    world.addTokens(sessionId, tokens!);
    return { session: sessionId, user: user!.userId };
  },
  async refresh(methods, { session, key }, { token, world }) {
    const { tokens } = await methods.refreshToken({ refreshToken: token!, idempotencyKey: key ?? "" });
    world.addTokens(session, tokens!);
    return { generation: generationOf(tokens!.refreshToken), token: tokens!.refreshToken };
  },
  async use(methods) {
    await methods.getCurrentUser({});
    return {};
  },
  async list(methods) {
    const { sessions } = await methods.listSessions({});
    return { sessions: sessions.map(({ sessionId }) => sessionId) };
  },
  async revokeToken(methods, _action, { token }) {
    await methods.revokeToken({ token: token! });
    return {};
  },
  async revokeSession(methods, { target }) {
    await methods.revokeSession({ sessionId: target });
    return {};
  },
  async revokeOthers(methods) {
    await methods.revokeOtherSessions({});
    return {};
  },
  async deleteUser(methods) {
    await methods.deleteCurrentUser({});
    return {};
  },
};

/** Kinds that are called with an access token of the session they name. */
export function callsAsUser(kind: Kind): boolean {
  return ["use", "list", "revokeSession", "revokeOthers", "deleteUser"].includes(kind);
}
