import type { Session } from "../../model/session.js";
import type { EpochMs } from "../../model/time.js";
import type { StoredKey } from "../port/keys.js";

/** A session as both engines keep it. */
export interface SessionRow {
  session_id: string;
  family: Buffer;
  key_id: string;
  user_id: string;
  client_id: string;
  generation: number;
  rotation_mac: Buffer | null;
  ip: string;
  user_agent: string;
  amr: string;
  created_at: EpochMs;
  last_used_at: EpochMs;
  idle_expires_at: EpochMs;
  expires_at: EpochMs;
}

export function toSession(row: SessionRow): Session {
  return {
    sessionId: row.session_id,
    family: row.family,
    keyId: row.key_id,
    userId: row.user_id,
    clientId: row.client_id,
    generation: row.generation,
    ip: row.ip,
    userAgent: row.user_agent,
    amr: row.amr.split(" "),
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    idleExpiresAt: row.idle_expires_at,
    expiresAt: row.expires_at,
  };
}

/** A signing key as both engines keep it. */
export interface KeyRow {
  key_id: string;
  use: StoredKey["use"];
  alg: string;
  public_jwk: string;
  sealed: Buffer;
  created_at: EpochMs;
  active_at: EpochMs;
}

export function toStoredKey(row: KeyRow): StoredKey {
  return {
    keyId: row.key_id,
    use: row.use,
    alg: row.alg,
    publicJwk: row.public_jwk,
    sealed: row.sealed,
    createdAt: row.created_at,
    activeAt: row.active_at,
  };
}
