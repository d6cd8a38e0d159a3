import type { EpochMs } from "../../model/time.js";
import type { StoredKey } from "../port/keys.js";

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
