import { type DatabaseDirectory, openDirectory } from "../apps/database-directory.js";
import { addDevelopmentClients, type DevelopmentClient } from "../apps/development-clients.js";
import { importSettings } from "../apps/import-settings.js";
import { loggedTest } from "../apps/test-identifiers.js";
import type { Settings } from "../config/settings.js";
import type { Log } from "../lib/log.js";
import type { App } from "../model/app.js";
import type { EpochMs } from "../model/time.js";
import type { Closers } from "./closers.js";
import type { Core } from "./core.js";
import { directoryValues } from "./deployment.js";

/** Reads all apps and clients and follows their changes. Makes the clients that the settings and development ask for. */
export async function startDirectory(
  settings: Settings,
  given: {
    readonly core: Pick<Core, "deps">;
    readonly log: Log;
    readonly developmentClients: readonly DevelopmentClient[];
    readonly closers: Closers;
  },
): Promise<DatabaseDirectory> {
  const { log, developmentClients } = given;
  const { clock, store } = given.core.deps;
  const directory = await openDirectory({ apps: store.apps, deployment: directoryValues(settings), clock, log });
  given.closers.push(() => directory.stop());
  const deps = { apps: store.apps, directory, clock, log };
  if (developmentClients.length > 0) await addDevelopmentClients(developmentClients, deps);
  await importSettings(settings, deps);
  if (settings.mode === "production") logTestIdentifiers(directory.apps(), { now: clock(), log });
  return directory;
}

/** Many people know the codes of test identifiers, so the operator of a production deployment sees which ones work. */
function logTestIdentifiers(apps: readonly App[], { now, log }: { readonly now: EpochMs; readonly log: Log }): void {
  for (const { appId, testIdentifiers } of apps) {
    for (const one of testIdentifiers) {
      if (one.endsAt > now) log.warn({ app: appId, ...loggedTest(one) }, "a test identifier works: its code is no secret");
    }
  }
}
