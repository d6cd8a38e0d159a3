import { type ClientSecret, liveSecretsMax } from "../../model/client.js";
import type { Apps } from "../port/apps.js";
import { readClient } from "./client-rows.js";
import { type ColdDatabase, type Steps, sql } from "./cold-database.js";
import { changeDirectory, nextRevision } from "./revisions.js";
import { escapeNul } from "./texts.js";

const hourMs = 60 * 60_000;

/** Secrets of confidential clients. A change of a secret gives its client the next revision. */
export function createClientSecrets(db: ColdDatabase): Pick<Apps, "addSecret" | "deleteSecret" | "noteSecretUse"> {
  return {
    addSecret: ({ clientId, secret, endOthersAt, now, check }) =>
      changeDirectory(db, function* () {
        const stored = yield* readClient(clientId);
        if (stored === null) return "no_client";
        check?.(stored.client);
        const ends = stored.secrets.map(({ expiresAt }) => Math.min(expiresAt ?? Infinity, endOthersAt ?? Infinity));
        if (ends.filter((end) => end > now).length >= liveSecretsMax) return "too_many";
        if (endOthersAt !== null) {
          const end = `UPDATE client_secrets SET expires_at = $2
            WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)`;
          yield* sql(end, [escapeNul(clientId), endOthersAt]);
        }
        yield* insertSecret(clientId, secret);
        yield* touchClient(clientId);
        return (yield* readClient(clientId))!;
      }),

    deleteSecret: ({ clientId, secretId, check }) =>
      changeDirectory(db, function* () {
        const stored = yield* readClient(clientId);
        if (stored === null) return null;
        check?.(stored.client);
        const text = "DELETE FROM client_secrets WHERE client_id = $1 AND secret_id = $2 RETURNING secret_id";
        const deleted = yield* sql(text, [escapeNul(clientId), escapeNul(secretId)]);
        if (deleted.length === 0) return null;
        yield* touchClient(clientId);
        return stored.client;
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
