import type { AppRecord } from "../../model/app.js";
import type { EpochMs } from "../../model/time.js";
import type { Apps } from "../port/apps.js";
import { type AppRow, appColumns, appValues, toApp } from "./app-rows.js";
import { createAssertions } from "./assertions.js";
import { createClientSecrets } from "./client-secrets.js";
import { createClients, readRights, removeClient } from "./clients.js";
import { type ColdDatabase, type Steps, sql } from "./cold-database.js";
import { createDirectoryReads } from "./directory.js";
import { insertKey } from "./keys.js";
import { changeDirectory, forgetDeletion, nextRevision, noteDeletion } from "./revisions.js";
import { escapeNul } from "./texts.js";

/** Apps, their clients and what clients authenticate with. Each concern has its own file. */
export function createApps(db: ColdDatabase): Apps {
  return {
    ...createDirectoryReads(db),
    ...createAppOperations(db),
    ...createClients(db),
    ...createClientSecrets(db),
    ...createAssertions(db),
  };
}

const selectApp = `SELECT ${appColumns} FROM apps WHERE app_id = $1`;

function createAppOperations(db: ColdDatabase): Pick<Apps, "findApp" | "listApps" | "createApp" | "changeApp" | "deleteApp"> {
  return {
    async findApp(appId) {
      const [row] = await db.read<AppRow>(selectApp, [escapeNul(appId)]);
      return row === undefined ? null : toApp(row);
    },

    async listApps({ after, limit }) {
      const text = `SELECT ${appColumns} FROM apps WHERE app_id > $1 ORDER BY app_id LIMIT $2`;
      return (await db.read<AppRow>(text, [escapeNul(after), limit])).map(toApp);
    },

    createApp: ({ app, now }) =>
      changeDirectory(db, function* () {
        if ((yield* readApp(app.appId)) !== null) return null;
        const revision = yield* nextRevision();
        const created: AppRecord = { ...app, number: yield* nextAppNumber(), createdAt: now };
        yield* sql("INSERT INTO pools (pool_id, created_at) VALUES ($1, $2) ON CONFLICT (pool_id) DO NOTHING", [
          escapeNul(app.poolId),
          now,
        ]);
        const text = `INSERT INTO apps (${appColumns}, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`;
        yield* sql(text, [...appValues(created), revision]);
        yield* forgetDeletion("app", app.appId);
        return created;
      }),

    changeApp: ({ appId, apply, check, newKey }) =>
      changeDirectory(db, function* () {
        const app = yield* readApp(appId);
        if (app === null) return null;
        if (check !== undefined) for (const client of yield* readRights(appId)) check(client);
        const next = yield* replaceApp({ ...apply(app), ...fixed(app) });
        yield* deleteKeys(app, next);
        if (newKey !== undefined) yield* insertKey(newKey);
        return next;
      }),

    deleteApp: ({ appId, now, check }) =>
      changeDirectory(db, function* () {
        const app = yield* readApp(appId);
        if (app === null) return null;
        const clients = yield* readRights(appId);
        for (const client of clients) check?.(client);
        if (yield* isInUse(appId, now)) {
          yield* replaceApp({ ...app, state: "archived" });
          return "archived";
        }
        const revision = yield* nextRevision();
        for (const { clientId } of clients) yield* removeClient(clientId, { revision, now });
        yield* sql("DELETE FROM apps WHERE app_id = $1", [escapeNul(appId)]);
        yield* deleteKeys(app, null);
        yield* noteDeletion("app", appId, { revision, now });
        return "deleted";
      }),
  };
}

function* readApp(appId: string): Steps<AppRecord | null> {
  const [row] = yield* sql<AppRow>(selectApp, [escapeNul(appId)]);
  return row === undefined ? null : toApp(row);
}

function fixed({ appId, poolId, number, createdAt }: AppRecord) {
  return { appId, poolId, number, createdAt };
}

function* replaceApp(app: AppRecord): Steps<AppRecord> {
  const revision = yield* nextRevision();
  const text = `UPDATE apps SET display_name = $4, logo_url = $5, support_address = $6, allowed_origins = $7, audience = $8,
      policy = $9, state = $10, roles = $12, owner_organization = $13, registration_hook = $14, delivery_report_hook = $15,
      carriers = $16, wording = $17, routing = $18, workflows = $19, test_identifiers = $20, revision = $21
    WHERE app_id = $1 AND pool_id = $2 AND number = $3 AND created_at = $11`;
  yield* sql(text, [...appValues(app), revision]);
  return app;
}

/** Deletes the keys of the hooks and carriers that an app had and has no more. */
function* deleteKeys(was: AppRecord, next: AppRecord | null): Steps<void> {
  const kept = next === null ? [] : keysOf(next);
  for (const keyId of keysOf(was)) if (!kept.includes(keyId)) yield* sql("DELETE FROM keys WHERE key_id = $1", [keyId]);
}

function keysOf({ registrationHook, deliveryReportHook, carriers }: AppRecord): readonly string[] {
  return [registrationHook, deliveryReportHook, ...carriers].flatMap((owner) => (owner === null ? [] : [owner.keyId]));
}

/** Numbers of deleted apps are not given again. */
function* nextAppNumber(): Steps<number> {
  const text = "UPDATE directory SET app_numbers = app_numbers + 1 RETURNING app_numbers";
  const [row] = yield* sql<{ app_numbers: number }>(text);
  return row!.app_numbers;
}

/**
 * Returns whether an app has members, sessions or live challenges. These tables belong to hot paths, which take no part in this
 * transaction: a sign-in at the same moment can leave a member or a session of an app that is gone. Such a session can't be used.
 */
function* isInUse(appId: string, now: EpochMs): Steps<boolean> {
  if ((yield* sql("SELECT 1 AS found FROM memberships WHERE app_id = $1 LIMIT 1", [escapeNul(appId)])).length > 0) return true;
  const sessions = "SELECT 1 AS found FROM sessions WHERE app_id = $1 AND app_id <> 'default' LIMIT 1";
  if ((yield* sql(sessions, [escapeNul(appId)])).length > 0) return true;
  const challenges = `SELECT 1 AS found FROM challenges
    WHERE app_id = $1 AND expires_at > $2 AND consumed_at IS NULL AND cancelled_at IS NULL LIMIT 1`;
  return (yield* sql(challenges, [escapeNul(appId), now])).length > 0;
}
