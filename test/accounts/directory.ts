import { type DatabaseDirectory, openDirectory } from "../../src/apps/database-directory.js";
import type { TestApp } from "../support/app.js";

/** Another reader of the apps and clients of a server's database, as the command line has one. */
export async function openTestDirectory({ app, settings, clock, log }: TestApp): Promise<DatabaseDirectory> {
  const { issuer, policy } = settings;
  const deployment = { issuer, policy, appName: "Latchkey", localhostAllowed: false };
  return await openDirectory({ apps: app.core.deps.store.apps, deployment, clock, log });
}
