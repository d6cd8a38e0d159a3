import { timingSafeEqual } from "node:crypto";
import { clientSecretHash } from "../crypto/client-secret.js";
import { randomUuid } from "../crypto/random.js";
import type { Log } from "../lib/log.js";
import { defaultAppId } from "../model/app.js";
import { blankClient, type ClientRecord } from "../model/client.js";
import { type Scope, scopes } from "../model/scope.js";
import type { EpochMs } from "../model/time.js";
import type { Apps } from "../store/port/apps.js";
import { StoreMovedError } from "../store/port/errors.js";
import type { DatabaseDirectory } from "./database-directory.js";

/** What a confidential client authenticates with. */
export interface DevelopmentClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

const backendScopes: readonly Scope[] = [
  "otp:send",
  "otp:verify",
  "otp:options",
  "otp:manage",
  "users:read",
  "users:write",
  "tokens:introspect",
  "messages:read",
];

/** The confidential clients of every development deployment. */
export const developmentClients: Readonly<Record<string, Pick<ClientRecord, "displayName" | "scopes" | "verifyByIdentifier">>> =
  {
    "default-backend": { displayName: "Backend", scopes: backendScopes, verifyByIdentifier: true },
    "default-admin": { displayName: "Administration", scopes, verifyByIdentifier: false },
  };

/**
 * Adds the development clients that the database lacks, with the secrets given. Clients that are there stay as they are; if
 * one has another secret, that is logged.
 */
export async function addDevelopmentClients(
  credentials: readonly DevelopmentClient[],
  deps: {
    readonly apps: Pick<Apps, "createClient" | "findClient">;
    readonly directory: DatabaseDirectory;
    readonly clock: () => EpochMs;
    readonly log: Log;
  },
): Promise<void> {
  for (const one of credentials) {
    try {
      await addClient(one, deps);
    } catch (error) {
      // The next start adds them, to the database that the data is moved to.
      if (error instanceof StoreMovedError) return;
      throw error;
    }
  }
  await deps.directory.refresh();
}

async function addClient(
  { clientId, clientSecret }: DevelopmentClient,
  { apps, clock, log }: Pick<Parameters<typeof addDevelopmentClients>[1], "apps" | "clock" | "log">,
): Promise<void> {
  const hash = clientSecretHash(clientSecret);
  const own = developmentClients[clientId];
  if (hash === null || own === undefined)
    throw new Error(`${clientId} is no development client, or its secret has no valid form`);
  const stored = await apps.findClient(clientId);
  if (stored === null) {
    const createdAt = clock();
    const client: ClientRecord = { ...blankClient, ...own, clientId, appId: defaultAppId, kind: "confidential", createdAt };
    const secret = { secretId: randomUuid(), hash, createdAt, expiresAt: null, lastUsedAt: null };
    const { kind } = await apps.createClient({ client, secret });
    // Another process that starts now may have added it, with the same secret.
    if (kind === "created" || (await apps.findClient(clientId)) !== null) return;
    log.warn({ clientId }, "this development client was not made: its id is an alias of another client");
  } else if (!stored.secrets.some((secret) => timingSafeEqual(secret.hash, hash))) {
    log.warn(
      { clientId },
      "the database has another secret for this development client: to use the file's, delete the client with " +
        `\`latchkey client delete ${clientId}\` and start again`,
    );
  }
}
