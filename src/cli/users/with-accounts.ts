import { type AccountsDeps, appFor } from "../../accounts/deps.js";
import { type Actor, operator } from "../../apps/actor.js";
import { openDirectory } from "../../apps/database-directory.js";
import { AuthError } from "../../auth/errors.js";
import type { Settings } from "../../config/settings.js";
import { missingCurrentKey } from "../../crypto/current-keys.js";
import type { App } from "../../model/app.js";
import { type Core, createCore } from "../../server/core.js";
import { directoryValues } from "../../server/deployment.js";
import { createRecorder } from "../../telemetry/metrics.js";
import { commandLog } from "../command-log.js";
import { CliError, type Io } from "../io.js";
import { withStore } from "../with-store.js";
import { sentencesOf } from "./refusals.js";

/** What commands about users work with. */
export interface InApp {
  readonly deps: AccountsDeps;
  readonly core: Core;
  readonly app: App;
  /** The command line. Every act of one command has one correlation id. */
  readonly actor: Actor;
}

/**
 * Runs use cases of people in an app of the existing database. They log to `io.err`. Messages that they queue are delivered by
 * the running service, which looks for them every second. Throws `CliError` for a refusal.
 */
export async function withAccounts<T>(
  settings: Settings,
  { appId, io }: { readonly appId: string; readonly io: Io },
  work: (given: InApp) => Promise<T>,
): Promise<T> {
  return await withStore(settings, async (store) => {
    const log = commandLog(settings, io);
    const core = await createCore(settings, { store, log, metrics: createRecorder().auth });
    // A running server reports that it is not ready. A command would make data with an old key, unseen by `latchkey fleet`.
    if (core.missingKeys.length > 0) throw new CliError(core.missingKeys.map(missingCurrentKey).join("\n"));
    const { clock } = core.deps;
    const directory = await openDirectory({ apps: store.apps, deployment: directoryValues(settings), clock, log });
    try {
      const deps = { ...core.deps, directory, wakeOutbox: () => {} };
      const actor = operator();
      return await work({ deps, core, actor, app: await appFor(deps, actor, appId) });
    } catch (error) {
      throw error instanceof AuthError ? new CliError(sentencesOf(error, appId)) : error;
    } finally {
      await directory.stop();
    }
  });
}
