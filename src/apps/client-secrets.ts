import { AuthError, invalidField } from "../auth/errors.js";
import { newClientSecret } from "../crypto/client-secret.js";
import { readableId } from "../crypto/random.js";
import type { ClientSecret } from "../model/client.js";
import type { EpochMs } from "../model/time.js";
import type { StoredClient } from "../store/port/apps.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import { refuseHigherRights } from "./client-rules.js";
import type { AppsDeps } from "./deps.js";
import { clientNotFound } from "./refusals.js";

/** A secret in clear. It exists only in the answer of the call that made it. */
export interface MadeSecret {
  readonly secretId: string;
  readonly secret: string;
}

/** Makes a secret and what is stored of it. */
export function makeSecret(now: EpochMs, expiresInMs: number | null): MadeSecret & { readonly stored: ClientSecret } {
  const { secret, hash } = newClientSecret();
  const secretId = readableId();
  const expiresAt = expiresInMs === null ? null : now + expiresInMs;
  return { secretId, secret, stored: { secretId, hash, createdAt: now, expiresAt, lastUsedAt: null } };
}

export interface Rotation {
  readonly clientId: string;
  /** When the client's other secrets end at the latest, counted from now. Null: they stay as they are. */
  readonly oldSecretsExpireInMs: number | null;
  /** Null: the new secret does not expire. */
  readonly secretExpiresInMs: number | null;
}

/**
 * Gives a confidential client one more secret. Throws CLIENT_NOT_FOUND, REQUEST_INVALID for a public client, TOO_MANY_SECRETS
 * if it has two live ones, and SCOPE_MISSING as `updateClient`.
 */
export async function rotateClientSecret(
  deps: AppsDeps,
  actor: Actor,
  rotation: Rotation,
): Promise<{ readonly client: StoredClient; readonly made: MadeSecret }> {
  const { clientId, oldSecretsExpireInMs } = rotation;
  const now = deps.clock();
  const made = makeSecret(now, rotation.secretExpiresInMs);
  const outcome = await deps.store.apps.addSecret({
    clientId,
    secret: made.stored,
    endOthersAt: oldSecretsExpireInMs === null ? null : now + oldSecretsExpireInMs,
    now,
    check(client) {
      refuseHigherRights(actor, client);
      if (client.kind === "public") throw invalidField("client_id", "names a public client, which has no secrets");
    },
  });
  if (outcome === "no_client") throw clientNotFound(clientId);
  if (outcome === "too_many") throw new AuthError("TOO_MANY_SECRETS", { detail: `client ${clientId} has two live secrets` });
  const { appId } = outcome.client;
  await announce(deps, actor, { message: "made a client secret", app: appId, client: clientId, secretId: made.secretId });
  return { client: outcome, made };
}

/** Ends a secret at once. Throws CLIENT_NOT_FOUND, and SCOPE_MISSING as `updateClient`. */
export async function revokeClientSecret(
  deps: AppsDeps,
  actor: Actor,
  { clientId, secretId }: { readonly clientId: string; readonly secretId: string },
): Promise<void> {
  const owner = await deps.store.apps.deleteSecret({
    clientId,
    secretId,
    check: (client) => refuseHigherRights(actor, client),
  });
  if (owner === null) throw clientNotFound(clientId);
  await announce(deps, actor, { message: "revoked a client secret", app: owner.appId, client: clientId, secretId });
}
