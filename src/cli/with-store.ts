import type { Settings } from "../config/settings.js";
import { storeLocation } from "../server/core.js";
import { isMissing, nameOf, openStore } from "../store/open.js";
import type { Store } from "../store/port/store.js";
import { CliError } from "./io.js";

/**
 * Runs `work` on the existing database and closes it. Throws `CliError` if there is none, so that a typo creates no database.
 */
export async function withStore<T>(settings: Settings, work: (store: Store) => Promise<T>): Promise<T> {
  const location = storeLocation(settings);
  if (await isMissing(location)) {
    throw new CliError(
      `There is no database at ${nameOf(location)}: start the service or run \`latchkey migrate\` to create it.`,
    );
  }
  const store = await openStore(location, { inFlight: () => 0 });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
