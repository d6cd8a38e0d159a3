import type { Log } from "../lib/log.js";
import { defaultAppId } from "../model/app.js";
import { blankClient, type ClientRecord, defaultClientId } from "../model/client.js";
import type { EpochMs } from "../model/time.js";
import type { Apps } from "../store/port/apps.js";
import { StoreMovedError } from "../store/port/errors.js";
import type { DatabaseDirectory } from "./database-directory.js";

/** The settings that describe the client `default-web`. They are imported once; the database decides from then on. */
export interface ClientSettings {
  readonly mode: "development" | "production";
  /** Null: not set. */
  readonly defaultClient: boolean | null;
  readonly allowedOrigins: readonly string[];
}

/**
 * Makes the client `default-web` if LATCHKEY_DEFAULT_CLIENT or development asks for it and no start did so before. Logs which
 * of the settings are not used, and what to do if there is no client.
 */
export async function importSettings(
  settings: ClientSettings,
  deps: {
    readonly apps: Pick<Apps, "importSettings">;
    readonly directory: DatabaseDirectory;
    readonly clock: () => EpochMs;
    readonly log: Log;
  },
): Promise<void> {
  const { directory, log } = deps;
  const isMissing = !directory.has(defaultClientId);
  const imported = isMissing && (await importOnce(settings, deps));
  // Also if another process that starts now has imported them.
  if (isMissing) await directory.refresh();
  const names = namesOf(settings);
  if (imported && names.length > 0) {
    log.info({}, `${names.join(" and ")} ${names.length === 1 ? "was" : "were"} imported into the client ${defaultClientId}`);
  }
  if (!imported && names.length > 0) warnOfUnused(names, directory.has(defaultClientId), log);
  if (directory.isEmpty()) {
    log.warn(
      {},
      "there is no client yet, so every call is refused: make one with " +
        `\`latchkey client create --app ${defaultAppId} --kind public --id ${defaultClientId} --default\``,
    );
  }
}

async function importOnce(
  settings: ClientSettings,
  { apps, clock }: { readonly apps: Pick<Apps, "importSettings">; readonly clock: () => EpochMs },
): Promise<boolean> {
  const isDevelopment = settings.mode === "development";
  if (!(settings.defaultClient ?? isDevelopment)) return false;
  const now = clock();
  const client: ClientRecord = {
    ...blankClient,
    clientId: defaultClientId,
    appId: defaultAppId,
    kind: "public",
    allowedOrigins: settings.allowedOrigins,
    verifyByIdentifier: isDevelopment,
    isDefault: true,
    createdAt: now,
  };
  try {
    return await apps.importSettings({ client, now });
  } catch (error) {
    // The next start imports them, into the database that the data is moved to.
    if (error instanceof StoreMovedError) return false;
    throw error;
  }
}

function namesOf({ defaultClient, allowedOrigins }: ClientSettings): readonly string[] {
  return [
    ...(defaultClient === null ? [] : ["LATCHKEY_DEFAULT_CLIENT"]),
    ...(allowedOrigins.length === 0 ? [] : ["LATCHKEY_ALLOWED_ORIGINS"]),
  ];
}

function warnOfUnused(names: readonly string[], clientExists: boolean, log: Log): void {
  for (const name of names) {
    log.warn(
      {},
      clientExists
        ? `${name} is imported once into the client ${defaultClientId} and is not used any more: change the client with ` +
            `\`latchkey client update ${defaultClientId}\`, and remove ${name}`
        : `${name} is not used, because there is no client ${defaultClientId}: change your clients with \`latchkey client update\`, ` +
            `and remove ${name}`,
    );
  }
}
