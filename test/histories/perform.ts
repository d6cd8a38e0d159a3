import type { Methods } from "./calling.js";
import type { Actions, App, Kind, Results } from "./history.js";
import { peoplePerformers } from "./perform-people.js";
import { generationOf, type World } from "./world.js";

/** What a call needs beside its names: secrets, which no record holds. */
export interface Secrets {
  /** Of a guess. */
  readonly code?: string;
  /** The refresh token to exchange, or the token to revoke. */
  readonly token?: string;
  /** The app of a challenge. Undefined: `default`. */
  readonly app?: App;
}

export type Perform<K extends Kind> = (methods: Methods, action: Actions[K], given: Given) => Promise<Results[K]>;
export type Given = Secrets & { readonly world: World };

/** How each kind of call is made, and what of its answer is kept for the record and for the workers. */
export const performers: { readonly [K in Kind]: Perform<K> } = {
  async send(methods, { app, identifier, purpose, key }, { world }) {
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
    world.addChallenge({ challenge: challenge!.challengeId, identifier, purpose, app });
    return { challenge: challenge!.challengeId };
  },
  async resend(methods, { challenge, key }) {
    await methods.sendOtp({ identifier: { case: "challengeId", value: challenge }, idempotencyKey: key ?? "" });
    return {};
  },
  async verify(methods, { challenge, key }, { code, app = "default", world }) {
    const { tokens, sessionId, user, isNewUser } = await methods.verifyOtp({
      challengeId: challenge,
      code: code!,
      idempotencyKey: key ?? "",
    });
    const signedIn = { session: sessionId, user: user!.userId, app, isNewUser };
    world.addMember(signedIn);
    world.addTokens(sessionId, tokens!, app);
    return signedIn;
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
  ...peoplePerformers,
};

const userKinds: readonly Kind[] = ["use", "list", "revokeSession", "revokeOthers", "deleteUser", "startChange", "proveChange"];

/** Whether a kind is called with an access token of the session it names. */
export function callsAsUser(kind: Kind): boolean {
  return userKinds.includes(kind);
}

/** Whether a kind is called by an administrator. */
export function callsAsAdmin(kind: Kind): boolean {
  return kind in peoplePerformers && !callsAsUser(kind);
}
