import type { Apps } from "../port/apps.js";
import { type AppRow, appColumns, toApp } from "./app-rows.js";
import { type ClientSecretRow, selectClients, toStoredClients } from "./client-rows.js";
import type { ColdDatabase } from "./cold-database.js";
import { unescapeNul } from "./texts.js";

interface DeletionRow {
  kind: "app" | "client";
  id: string;
}

/** What the directory reads. */
export function createDirectoryReads(db: ColdDatabase): Pick<Apps, "changesSince"> {
  return {
    async changesSince(since) {
      const [latest] = await db.read<{ revision: number }>("SELECT revision FROM directory");
      const { revision } = latest!;
      if (revision === since) return { revision, apps: [], clients: [], deletedApps: [], deletedClients: [] };
      // Each statement may see changes after `revision`; the next call returns them again. Deletions are read before rows: a row
      // that was deleted and made again in between is then in both lists, and never in neither.
      const deletions = await db.read<DeletionRow>("SELECT kind, id FROM directory_deletions WHERE revision > $1", [since]);
      const clients = await db.read<ClientSecretRow>(selectClients("c.revision > $1"), [since]);
      const apps = await db.read<AppRow>(`SELECT ${appColumns} FROM apps WHERE revision > $1 ORDER BY app_id`, [since]);
      const appIds = new Set(apps.map(({ app_id: id }) => id));
      const clientIds = new Set(clients.map(({ client_id: id }) => id));
      const deleted = (kind: DeletionRow["kind"], present: ReadonlySet<string>) =>
        deletions.filter((row) => row.kind === kind && !present.has(row.id)).map(({ id }) => unescapeNul(id));
      return {
        revision,
        apps: apps.map(toApp),
        clients: toStoredClients(clients),
        deletedApps: deleted("app", appIds),
        deletedClients: deleted("client", clientIds),
      };
    },
  };
}
