import type { Database } from "better-sqlite3";
import type { NewSession, Session } from "../../model/session.js";
import type { EpochMs } from "../../model/time.js";
import type { LiveSession, RotateOutcome } from "../port/sessions.js";
import type { Store } from "../port/store.js";
import { judgeRefresh } from "../rules/refresh-replay.js";
import { isLiveSession, type SessionRow, sessionColumns, toSession } from "../shared/rows.js";
import { toUser, type UserRow, userColumns } from "./rows.js";
import type { Writer } from "./writer.js";

/** Writes of sessions inside the caller's transaction. */
export interface Sessions {
  /**
   * Adds the session that a challenge bought. Of the user's others in the app it keeps the `sessionsMax` - 1 most recently used and
   * ends the rest.
   */
  create(
    session: NewSession,
    of: { readonly userId: string; readonly challengeId: string; readonly sessionsMax: number; readonly now: EpochMs },
  ): Session;
  find(sessionId: string, now: EpochMs): Session | null;
  /** Removes all sessions of a user, in one app or in all. */
  removeAllOf(of: { readonly userId: string; readonly appId: string | null }): void;
}

type Operations = Store["sessions"];

const isLive = isLiveSession("@now");

export function createSessions(db: Database, writer: Writer): { sessions: Sessions; operations: Operations } {
  const insert = db.prepare(`
    INSERT INTO sessions (session_id, family, key_id, user_id, app_id, client_id, credential_hash, ip, user_agent, amr, created_at,
      last_used_at, idle_expires_at, expires_at, challenge_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const liveById = db.prepare<{ sessionId: string; now: EpochMs }, SessionRow>(
    `SELECT ${sessionColumns} FROM sessions s WHERE session_id = @sessionId AND ${isLive}`,
  );
  const liveWithUser = (condition: string) => `
    SELECT ${sessionColumns}, ${userColumns("s.app_id")}
    FROM sessions s JOIN users u ON u.user_id = s.user_id
    WHERE ${condition} AND ${isLive}`;
  const findById = db.prepare<{ sessionId: string; now: EpochMs }, SessionRow & UserRow>(
    liveWithUser("s.session_id = @sessionId"),
  );
  const findByHash = db.prepare<{ credentialHash: Uint8Array; now: EpochMs }, SessionRow & UserRow>(
    liveWithUser("s.credential_hash = @credentialHash"),
  );
  const findByFamily = db.prepare<{ family: Uint8Array; now: EpochMs }, SessionRow & UserRow>(
    liveWithUser("s.family = @family"),
  );
  const use = db.prepare<{ sessionId: string; idleExpiresAt: EpochMs; now: EpochMs }>(`
    UPDATE sessions AS s SET last_used_at = max(last_used_at, @now),
      idle_expires_at = max(idle_expires_at, min(@idleExpiresAt, expires_at))
    WHERE session_id = @sessionId AND credential_hash IS NOT NULL AND ${isLive}`);
  const liveOf = db.prepare<{ userId: string; appId: string; now: EpochMs }, SessionRow>(
    `SELECT ${sessionColumns} FROM sessions s WHERE user_id = @userId AND app_id = @appId AND ${isLive} ORDER BY last_used_at DESC, created_at DESC, session_id`,
  );
  const excess = db.prepare<{ userId: string; appId: string; now: EpochMs; kept: number }, Pick<SessionRow, "session_id">>(
    `SELECT session_id FROM sessions s WHERE user_id = @userId AND app_id = @appId AND ${isLive}
    ORDER BY last_used_at DESC, created_at DESC, session_id LIMIT -1 OFFSET @kept`,
  );
  const byFamily = db.prepare<[Uint8Array], SessionRow>(`SELECT ${sessionColumns} FROM sessions s WHERE family = ?`);
  const remove = db.prepare<[string]>("DELETE FROM sessions WHERE session_id = ?");
  const removeOwn = db.prepare<Parameters<Operations["revoke"]>[0]>(
    `DELETE FROM sessions AS s WHERE session_id = @sessionId AND user_id = @userId AND app_id = @appId AND ${isLive}`,
  );
  const removeOthers = db.prepare<Parameters<Operations["revokeOthers"]>[0]>(
    `DELETE FROM sessions AS s WHERE user_id = @userId AND app_id = @appId AND session_id IS NOT @keepSessionId AND ${isLive}`,
  );
  const removeFamily = db.prepare<{ family: Uint8Array; clientId: string; now: EpochMs }>(
    `DELETE FROM sessions AS s WHERE family = @family AND client_id = @clientId AND ${isLive}`,
  );
  const page = db.prepare<[string, number], Pick<SessionRow, "session_id" | "client_id">>(
    "SELECT session_id, client_id FROM sessions WHERE session_id > ? ORDER BY session_id LIMIT ?",
  );
  const removeAll = db.prepare<{ userId: string; appId: string | null }>(
    "DELETE FROM sessions WHERE user_id = @userId AND (@appId IS NULL OR app_id = @appId)",
  );
  const rotate = db.prepare<[number, Uint8Array | null, EpochMs, EpochMs, string]>(`
    UPDATE sessions SET generation = ?, rotation_mac = ?, last_used_at = ?, idle_expires_at = ? WHERE session_id = ?`);

  const sessions: Sessions = {
    create(session, { userId, challengeId, sessionsMax, now }) {
      const { appId } = session;
      for (const row of excess.all({ userId, appId, now, kept: sessionsMax - 1 })) remove.run(row.session_id);
      insert.run(
        session.sessionId,
        session.family,
        session.keyId,
        userId,
        appId,
        session.clientId,
        session.credentialHash,
        session.ip,
        session.userAgent,
        session.amr.join(" "),
        now,
        now,
        session.idleExpiresAt,
        session.expiresAt,
        challengeId,
      );
      return {
        sessionId: session.sessionId,
        family: session.family,
        keyId: session.keyId,
        userId,
        appId,
        clientId: session.clientId,
        credentialHash: session.credentialHash,
        generation: 0,
        ip: session.ip,
        userAgent: session.userAgent,
        amr: session.amr,
        createdAt: now,
        lastUsedAt: now,
        idleExpiresAt: session.idleExpiresAt,
        expiresAt: session.expiresAt,
      };
    },
    find(sessionId, now) {
      const row = liveById.get({ sessionId, now });
      return row === undefined ? null : toSession(row);
    },
    removeAllOf({ userId, appId }) {
      removeAll.run({ userId, appId });
    },
  };

  function advance(
    row: SessionRow,
    { mac, idleMs, now }: { readonly mac: Uint8Array | null; readonly idleMs: number; readonly now: EpochMs },
  ): RotateOutcome {
    const generation = row.generation + 1;
    const idle_expires_at = Math.min(now + idleMs, row.expires_at);
    rotate.run(generation, mac, now, idle_expires_at, row.session_id);
    return { kind: "rotated", session: toSession(Object.assign(row, { generation, last_used_at: now, idle_expires_at })) };
  }

  const operations: Operations = {
    rotate({ family, generation, clientId, idempotency, graceMs, idleMs, now }) {
      return writer.write((): RotateOutcome => {
        const row = byFamily.get(family);
        if (row === undefined || row.client_id !== clientId) return { kind: "ended" };
        if (row.expires_at <= now || row.idle_expires_at <= now) return { kind: "ended" };
        const sameCall = idempotency !== null && row.rotation_mac?.equals(idempotency) === true;
        const presented = { generation, newest: row.generation, rotatedAt: row.last_used_at, sameCall };
        const kind = judgeRefresh(presented, graceMs, now);
        if (kind === "rotated") return advance(row, { mac: idempotency, idleMs, now });
        if (kind === "replayed") return { kind, session: toSession(row) };
        remove.run(row.session_id);
        return { kind, sessionId: row.session_id };
      });
    },
    findLive: (query) => writer.read(() => toLiveSession(findById.get(query))),
    findByCredential: (query) => writer.read(() => toLiveSession(findByHash.get(query))),
    findByFamily: (query) => writer.read(() => toLiveSession(findByFamily.get(query))),
    touch: (change) => writer.writeUnflushed(() => void use.run(change)),
    list: (query) => writer.read(() => liveOf.all(query).map(toSession)),
    revokeOfClient: ({ clientId, after, limit }) =>
      writer.write(() => {
        const rows = page.all(after, limit);
        const own = rows.filter((row) => row.client_id === clientId);
        for (const row of own) remove.run(row.session_id);
        return { revoked: own.length, next: rows.length < limit ? null : rows.at(-1)!.session_id };
      }),
    revokeFamily: (change) => writer.write(() => removeFamily.run(change).changes > 0),
    revoke: (change) => writer.write(() => removeOwn.run(change).changes > 0),
    revokeOthers: (change) => writer.write(() => removeOthers.run(change).changes),
  };
  return { sessions, operations };
}

function toLiveSession(row: (SessionRow & UserRow) | undefined): LiveSession | null {
  return row === undefined ? null : { session: toSession(row), user: toUser(row) };
}
