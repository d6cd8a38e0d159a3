import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { AppRecord } from "../../../src/model/app.js";
import { blankClient, type ClientRecord, type ClientSecret } from "../../../src/model/client.js";
import { noWording } from "../../../src/model/wording.js";
import type { DirectoryChanges } from "../../../src/store/port/apps.js";
import { bytes, type Scene, t0, unique } from "./fixtures.js";

export function newApp(changes: Partial<AppRecord> = {}): Omit<AppRecord, "number" | "createdAt"> {
  return {
    appId: unique("app"),
    poolId: "main",
    displayName: "",
    logoUrl: "",
    supportAddress: "",
    allowedOrigins: [],
    audience: "",
    policy: {},
    roles: [],
    ownerOrganization: randomUUID(),
    registrationHook: null,
    deliveryReportHook: null,
    carriers: [],
    wording: noWording,
    routing: [],
    workflows: [],
    testIdentifiers: [],
    state: "active",
    ...changes,
  };
}

export function newClient(changes: Partial<ClientRecord> = {}): ClientRecord {
  return {
    ...blankClient,
    clientId: unique("client"),
    appId: "default",
    kind: "public",
    createdAt: t0,
    ...changes,
  };
}

export function newSecret(changes: Partial<ClientSecret> = {}): ClientSecret {
  const secretId = unique("secret");
  return { secretId, hash: bytes(secretId, 32), createdAt: t0, expiresAt: null, lastUsedAt: null, ...changes };
}

/** Writes to the directory, and reads of what is new in it. */
export interface DirectoryScene {
  addApp(changes?: Partial<AppRecord>): Promise<AppRecord>;
  addClient(changes?: Partial<ClientRecord>, secret?: ClientSecret): Promise<ClientRecord>;
  revisionNow(): Promise<number>;
  changesIn(since: number): Promise<DirectoryChanges>;
}

export function directoryOf(scene: Scene): DirectoryScene {
  return {
    async addApp(changes) {
      const created = await scene.store.apps.createApp({ app: newApp(changes), now: t0 });
      expect(created).not.toBeNull();
      return created!;
    },
    async addClient(changes, secret) {
      const client = newClient(changes);
      expect(await scene.store.apps.createClient({ client, secret: secret ?? null })).toMatchObject({ kind: "created" });
      return client;
    },
    revisionNow: async () => (await scene.store.apps.changesSince(0)).revision,
    changesIn: (since) => scene.store.apps.changesSince(since),
  };
}
