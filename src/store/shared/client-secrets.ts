import { type ClientSecret, liveSecretsMax } from "../../model/client.js";
import type { EpochMs } from "../../model/time.js";
import type { Apps } from "../port/apps.js";
import { type ColdDatabase, type Steps, sql } from "./cold-database.js";
import { changeDirectory, nextRevision } from "./revisions.js";
import { escapeNul } from "./texts.js";

const hourMs = 60 * 60_000;

/** Secrets of confidential clients. A change of a secret gives its client the next revision. */
export function createClientSecrets(db: ColdDatabase): Pick<Apps, "addSecret" | "deleteSecret" | "noteSecretUse"> {
  return {
    addSecret: ({ clientId, secret, endOthersAt, now }) =>
      changeDirectory(db, function* () {
        const id = escapeNul(clientId);
        if ((yield* sql("SELECT client_id FROM clients WHERE client_id = $1", [id])).length === 0) return "no_client";
        const text = "SELECT expires_at FROM client_secrets WHERE client_id = $1";
        const others = yield* sql<{ expires_at: EpochMs | null }>(text, [id]);
        const ends = others.map(({ expires_at: end }) => Math.min(end ?? Infinity, endOthersAt ?? Infinity));
        if (ends.filter((end) => end > now).length >= liveSecretsMax) return "too_many";
        if (endOthersAt !== null) {
          const end = `UPDATE client_secrets SET expires_at = $2
            WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)`;
          yield* sql(end, [id, endOthersAt]);
        }
        yield* insertSecret(clientId, secret);
        yield* touchClient(clientId);
        return "added";
      }),

    deleteSecret: ({ clientId, secretId }) =>
      changeDirectory(db, function* () {
        const text = "DELETE FROM client_secrets WHERE client_id = $1 AND secret_id = $2 RETURNING secret_id";
        const deleted = yield* sql(text, [escapeNul(clientId), escapeNul(secretId)]);
        if (deleted.length === 0) return false;
        yield* touchClient(clientId);
        return true;
      }),

    async noteSecretUse({ secretId, now }) {
      const values = [escapeNul(secretId), now - (now % hourMs)];
      const isOlder = "secret_id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
      if ((await db.read(`SELECT secret_id FROM client_secrets WHERE ${isOlder}`, values)).length === 0) return;
      await db.write(function* () {
        yield* sql(`UPDATE client_secrets SET last_used_at = $2 WHERE ${isOlder}`, values);
      });
    },
  };
}

export function* insertSecret(clientId: string, secret: ClientSecret): Steps<void> {
  const text = `INSERT INTO client_secrets (secret_id, client_id, hash, created_at, expires_at, last_used_at)
    VALUES ($1, $2, $3, $4, $5, $6)`;
  const { secretId, hash, createdAt, expiresAt, lastUsedAt } = secret;
  yield* sql(text, [escapeNul(secretId), escapeNul(clientId), hash, createdAt, expiresAt, lastUsedAt]);
}

function* touchClient(clientId: string): Steps<void> {
  yield* sql("UPDATE clients SET revision = $2 WHERE client_id = $1", [escapeNul(clientId), yield* nextRevision()]);
}
