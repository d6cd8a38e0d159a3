import { bearer, type Call, newIdempotencyKey, refusalOf } from "./call.js";
import { type Session, type User, widen } from "./ledger.js";

const graceMs = 10_000;

export function generationOf(refreshToken: string): number {
  return Number(refreshToken.split(".")[3]);
}

/** Exchanges the refresh token of a session, sometimes twice to see the same successor. */
export function refresh(user: User, session: Session, how: { readonly keyed: boolean; readonly twice: boolean }): Call {
  const request = { refreshToken: session.refreshToken, idempotencyKey: how.keyed ? newIdempotencyKey() : "" };
  const startedAt = Date.now();
  const spent = generationOf(session.refreshToken);
  session.touched = true;
  function note(tokens: { readonly accessToken: string; readonly refreshToken: string } | undefined): void {
    if (tokens === undefined) throw new Error("no tokens");
    if (generationOf(tokens.refreshToken) !== spent + 1) throw new Error("not the successor");
    if (session.refreshToken !== request.refreshToken && session.refreshToken !== tokens.refreshToken) {
      throw new Error("another successor than the first time");
    }
    session.accessToken = tokens.accessToken;
    session.refreshToken = tokens.refreshToken;
    session.generation.min = spent + 1;
    session.generation.max = spent + 1;
  }
  return {
    what: how.keyed ? "refresh with a key" : "refresh",
    user,
    async attempt(grpc) {
      note((await grpc.refreshToken(request)).tokens);
      if (how.twice) note((await grpc.refreshToken(request)).tokens);
    },
    lost() {
      session.generation.max = spent + 1;
    },
    async settle({ grpc, snapshot }) {
      const rotated = snapshot.sessions.get(session.sessionId)?.generation === spent + 1;
      // A call that names no key is sure of its successor for ten seconds only; later it is taken for a thief's.
      if (rotated && !how.keyed && Date.now() - startedAt > graceMs - 1_000) {
        session.state = "unknown";
        return;
      }
      session.generation.min = spent;
      note((await grpc.refreshToken(request)).tokens);
      note((await grpc.refreshToken(request)).tokens);
    },
  };
}

export function whoAmI(user: User, session: Session): Call {
  return {
    what: "GetCurrentUser",
    user,
    async attempt(grpc) {
      const { user: found } = await grpc.getCurrentUser({}, bearer(session.accessToken));
      if (found?.userId !== user.userId) throw new Error("another user");
    },
  };
}

/** Ends a session by one of its tokens. */
export function revokeToken(user: User, session: Session, kind: "accessToken" | "refreshToken"): Call {
  const token = session[kind];
  session.touched = true;
  return {
    what: "RevokeToken",
    user,
    async attempt(grpc) {
      await grpc.revokeToken({ token });
      session.state = "ended";
    },
    lost() {
      session.state = "unknown";
    },
    async settle({ grpc }) {
      await grpc.revokeToken({ token });
      session.state = "ended";
    },
  };
}

/** Ends a session from another one of the same user. */
export function revokeSession(user: User, { caller, target }: { readonly caller: Session; readonly target: Session }): Call {
  const { sessionId } = target;
  target.touched = true;
  return {
    what: "RevokeSession",
    user,
    async attempt(grpc) {
      await grpc.revokeSession({ sessionId }, bearer(caller.accessToken));
      target.state = "ended";
    },
    lost() {
      target.state = "unknown";
    },
    async settle({ grpc, snapshot }) {
      const done = !snapshot.sessions.has(sessionId);
      const reason = await refusalOf(grpc.revokeSession({ sessionId }, bearer(caller.accessToken)));
      if (reason !== (done ? "SESSION_NOT_FOUND" : null)) throw new Error(`answered ${reason}`);
      target.state = "ended";
    },
  };
}

/** Ends all sessions of a user but the calling one. */
export function revokeOthers(user: User, caller: Session): Call {
  const others = user.sessions.filter((session) => session !== caller && session.state !== "ended");
  const mark = (state: Session["state"]): void => {
    for (const session of others) {
      session.state = state;
      session.touched = true;
    }
    if (state === "ended") user.lostSessions = 0;
  };
  return {
    what: "RevokeOtherSessions",
    user,
    async attempt(grpc) {
      await grpc.revokeOtherSessions({}, bearer(caller.accessToken));
      mark("ended");
    },
    lost: () => mark("unknown"),
    async settle({ grpc }) {
      await grpc.revokeOtherSessions({}, bearer(caller.accessToken));
      mark("ended");
    },
  };
}

/** Deletes an account for good. */
export function deleteUser(user: User, session: Session): Call {
  const end = (): void => {
    user.deleted = true;
    for (const one of user.sessions) {
      one.state = "ended";
      one.touched = true;
    }
  };
  return {
    what: "DeleteCurrentUser",
    user,
    async attempt(grpc) {
      await grpc.deleteCurrentUser({}, bearer(session.accessToken));
      end();
    },
    lost() {
      for (const one of user.sessions) if (one.state === "live") one.state = "unknown";
    },
    async settle({ grpc, snapshot }) {
      const done = !snapshot.users.has(user.userId!);
      const reason = await refusalOf(grpc.deleteCurrentUser({}, bearer(session.accessToken)));
      if (reason !== (done ? "TOKEN_INVALID" : null)) throw new Error(`answered ${reason}`);
      end();
    },
  };
}

/** What is wrong with a session as its owner sees it: live ones answer and refresh, ended ones do neither. */
export async function auditSession(user: User, session: Session, grpc: Parameters<Call["attempt"]>[0]): Promise<string | null> {
  const name = `session ${session.sessionId} of ${user.email}`;
  if (session.state === "unknown") return null;
  session.touched = false;
  const asked = await refusalOf(grpc.getCurrentUser({}, bearer(session.accessToken)));
  if (session.state === "ended") {
    if (asked !== "TOKEN_INVALID") return `${name} was ended and answers ${asked ?? "the user"}`;
    const reason = await refusalOf(grpc.refreshToken({ refreshToken: session.refreshToken }));
    return reason === "SESSION_ENDED" ? null : `${name} was ended and its refresh gives ${reason ?? "tokens"}`;
  }
  if (asked !== null) return `${name} is live and answers ${asked}`;
  const idempotencyKey = newIdempotencyKey();
  try {
    const { tokens } = await grpc.refreshToken({ refreshToken: session.refreshToken, idempotencyKey });
    session.accessToken = tokens!.accessToken;
    session.refreshToken = tokens!.refreshToken;
    widen(session.generation, 1, 1);
    return null;
  } catch (error) {
    return `${name} is live and can't be refreshed: ${String(error)}`;
  }
}
