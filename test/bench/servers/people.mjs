// A process that imports people by the use case of the command line.

import { importMax, importUsers } from "../../../dist/accounts/import-users.js";
import { operator } from "../../../dist/apps/actor.js";
import { openDirectory } from "../../../dist/apps/database-directory.js";
import { diskFiles, readSettings } from "../../../dist/config/settings.js";
import { storeLocation } from "../../../dist/server/core.js";
import { openStore } from "../../../dist/store/open.js";

const quiet = () => {};
const log = { debug: quiet, info: quiet, warn: console.error, error: console.error };
const { settings } = readSettings(process.env, { files: diskFiles });
const { issuer, appName, policy } = settings;
const deployment = { issuer, appName, policy, localhostAllowed: false };
const opened = openStore(storeLocation(settings), { inFlight: () => 0 }).then(async (store) => {
  const directory = await openDirectory({ apps: store.apps, deployment, clock: Date.now, log });
  return { clock: Date.now, store, directory, log };
});

/** As a source of verified addresses has them. */
function person(n) {
  return {
    contacts: [{ kind: "email", value: `person${n}@example.com`, verifiedAt: 1_700_000_000_000 + n }],
    displayName: `Person ${n}`,
    locale: "en",
    externalId: `crm-${n}`,
  };
}

globalThis.answer({
  async ready() {
    await opened;
    return {};
  },
  /** Imports persons 0 to `count` - 1, one call after the other. Rates are users a second. */
  async import({ count }) {
    const deps = await opened;
    let created = 0;
    const startedAt = performance.now();
    const marks = [];
    for (let from = 0; from < count; from += importMax) {
      const members = Array.from({ length: Math.min(importMax, count - from) }, (_, n) => person(from + n));
      const outcomes = await importUsers(deps, operator(), { appId: "default", members });
      created += outcomes.filter(({ kind }) => kind === "created").length;
      const done = from + members.length;
      if (Math.floor((10 * done) / count) > marks.length) marks.push({ done, at: performance.now() });
    }
    const rate = (from, to) => (1000 * (to.done - from.done)) / (to.at - from.at);
    return {
      created,
      seconds: (performance.now() - startedAt) / 1000,
      firstTenth: rate({ done: 0, at: startedAt }, marks[0]),
      lastTenth: rate(marks.at(-2), marks.at(-1)),
    };
  },
});
process.on("SIGTERM", async () => {
  const { store, directory } = await opened;
  await directory.stop();
  await store.close();
  process.exit();
});
