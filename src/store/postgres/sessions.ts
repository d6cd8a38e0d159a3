import type { LiveSession, RotateOutcome } from "../port/sessions.js";
import type { Store } from "../port/store.js";
import { judgeRefresh } from "../rules/refresh-replay.js";
import { userColumns } from "../shared/person-rows.js";
import { isLiveSession, type SessionRow, sessionColumns, toSession } from "../shared/rows.js";
import { type Database, type Statement, unflushed } from "./database.js";
import { functionName } from "./functions/set.js";
import { hex, sweepStepMs } from "./parameters.js";
import { toUser, type UserRow } from "./rows.js";

type Operations = Store["sessions"];

// Of concurrent calls one finds the generation that it presents. The others wait for its lock and then check the row again.
// sweep_at is the earlier of the session's two expiries, rounded as `sweepAt` does.
const rotate: Statement = {
  name: "rotate",
  text: `UPDATE sessions s SET generation = s.generation + 1, rotation_mac = $4, last_used_at = $5,
      idle_expires_at = least($6, s.expires_at),
      sweep_at = ${roundedUp("least($6, s.expires_at)")}
    WHERE s.family = $1 AND s.generation = $2 AND s.client_id = $3 AND ${isLiveSession("$5")}
    RETURNING ${sessionColumns}`,
};
const byFamily: Statement = {
  name: "session_by_family",
  text: `SELECT ${sessionColumns} FROM sessions s WHERE s.family = $1 AND s.client_id = $2 AND ${isLiveSession("$3")}`,
};
const endAsJudged: Statement = {
  name: "end_as_judged",
  text: "DELETE FROM sessions s WHERE s.family = $1 AND s.generation = $2",
};
const liveWithUser = (condition: string) => `
  SELECT ${sessionColumns}, ${userColumns("u")}, ${functionName("contacts_of")}(u.user_id, s.app_id) AS contacts
  FROM sessions s JOIN users u ON u.user_id = s.user_id WHERE ${condition} AND ${isLiveSession("$2")}`;
const findLive: Statement = { name: "find_live_session", text: liveWithUser("s.session_id = $1") };
const findByCredential: Statement = { name: "find_session_by_credential", text: liveWithUser("s.credential_hash = $1") };
const findByFamily: Statement = { name: "find_session_by_family", text: liveWithUser("s.family = $1") };
const idleEnd = "greatest(s.idle_expires_at, least($2, s.expires_at))";
const touch: Statement = {
  name: "touch_session",
  text: `UPDATE sessions s SET last_used_at = greatest(s.last_used_at, $3), idle_expires_at = ${idleEnd}, sweep_at = ${roundedUp(idleEnd)}
    FROM ${unflushed} WHERE s.session_id = $1 AND s.credential_hash IS NOT NULL AND ${isLiveSession("$3")}`,
};
const list: Statement = {
  name: "list_sessions",
  text: `SELECT ${sessionColumns} FROM sessions s WHERE s.user_id = $1 AND s.app_id = $2 AND ${isLiveSession("$3")}
    ORDER BY s.last_used_at DESC, s.created_at DESC, s.session_id`,
};
const revokeOfClient: Statement = {
  name: "revoke_sessions_of_client",
  text: `WITH page AS (SELECT s.session_id, s.client_id FROM sessions s WHERE s.session_id > $2 ORDER BY s.session_id LIMIT $3)
    SELECT ${functionName("end_sessions")}(ARRAY(SELECT session_id FROM page WHERE client_id = $1)) AS revoked,
      (SELECT CASE WHEN count(*) = $3 THEN max(session_id) END FROM page) AS next`,
};
const revokeFamily: Statement = {
  name: "revoke_family",
  text: `DELETE FROM sessions s WHERE s.family = $1 AND s.client_id = $2 AND ${isLiveSession("$3")}`,
};
const revoke: Statement = {
  name: "revoke_session",
  text: `DELETE FROM sessions s WHERE s.session_id = $1 AND s.user_id = $2 AND s.app_id = $3 AND ${isLiveSession("$4")}`,
};
const revokeOthers: Statement = {
  name: "revoke_other_sessions",
  text: `SELECT ${functionName("end_sessions")}(ARRAY(
    SELECT s.session_id FROM sessions s WHERE s.user_id = $1 AND s.app_id = $2
      AND ($3::text IS NULL OR s.session_id <> $3) AND ${isLiveSession("$4")})) AS ended`,
};

export function createSessions(db: Database): Operations {
  /** Judges a token that is not the newest. Returns null if the session has changed in the meantime. */
  async function judge({
    family,
    generation,
    clientId,
    idempotency,
    graceMs,
    now,
  }: Parameters<Store["sessions"]["rotate"]>[0]): Promise<RotateOutcome | null> {
    const [row] = await db.rows<SessionRow>(byFamily, [family, clientId, now]);
    if (row === undefined) return { kind: "ended" };
    const sameCall = idempotency !== null && row.rotation_mac?.equals(idempotency) === true;
    const presented = { generation, newest: row.generation, rotatedAt: row.last_used_at, sameCall };
    const kind = judgeRefresh(presented, graceMs, now);
    if (kind === "rotated") return null;
    if (kind === "replayed") return { kind, session: toSession(row) };
    const ended = await db.changes(endAsJudged, [family, row.generation], hex(family));
    return ended === 0 ? null : { kind, sessionId: row.session_id };
  }

  return {
    async rotate(change) {
      const { family, generation, clientId, idempotency, idleMs, now } = change;
      for (;;) {
        const values = [family, generation, clientId, idempotency, now, now + idleMs];
        const [row] = await db.rows<SessionRow>(rotate, values, hex(family));
        if (row !== undefined) return { kind: "rotated", session: toSession(row) };
        // Each further round means that another call changed this session, and few calls compete for one session.
        const judged = await judge(change);
        if (judged !== null) return judged;
      }
    },
    findLive: async ({ sessionId, now }) => toLiveSession(await db.rows(findLive, [sessionId, now])),
    findByCredential: async ({ credentialHash, now }) => toLiveSession(await db.rows(findByCredential, [credentialHash, now])),
    findByFamily: async ({ family, now }) => toLiveSession(await db.rows(findByFamily, [family, now])),
    async touch({ sessionId, idleExpiresAt, now }) {
      await db.rows(touch, [sessionId, idleExpiresAt, now], sessionId);
    },
    list: async ({ userId, appId, now }) => (await db.rows<SessionRow>(list, [userId, appId, now])).map(toSession),
    async revokeOfClient({ clientId, after, limit }) {
      const [row] = await db.rows<{ revoked: number; next: string | null }>(revokeOfClient, [clientId, after, limit], clientId);
      return row!;
    },
    revokeFamily: async ({ family, clientId, now }) => (await db.changes(revokeFamily, [family, clientId, now])) > 0,
    revoke: async ({ sessionId, userId, appId, now }) => (await db.changes(revoke, [sessionId, userId, appId, now])) > 0,
    async revokeOthers({ userId, appId, keepSessionId, now }) {
      const [row] = await db.rows<{ ended: number }>(revokeOthers, [userId, appId, keepSessionId, now], userId);
      return row!.ended;
    },
  };
}

function toLiveSession([row]: readonly (SessionRow & UserRow)[]): LiveSession | null {
  return row === undefined ? null : { session: toSession(row), user: toUser(row) };
}

/** SQL that rounds a time as `sweepAt` does. */
function roundedUp(time: string): string {
  return `(${time} + ${sweepStepMs - 1}) / ${sweepStepMs} * ${sweepStepMs}`;
}
