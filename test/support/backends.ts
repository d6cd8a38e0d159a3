import { newClientSecret } from "../../src/crypto/client-secret.js";
import type { ClientRecord } from "../../src/model/client.js";
import { newClient } from "../store/contract/directory-fixtures.js";
import { eventually, type TestApp } from "./app.js";

/** A confidential client and what it authenticates with. */
export interface TestBackend {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The `authorization` header with both. */
  readonly basic: string;
}

type Given = Pick<ClientRecord, "clientId"> & Partial<ClientRecord>;

/** Adds confidential clients with a secret each, by default to the app `default` and without scopes. Returns when the server knows them. */
export async function addBackends(on: TestApp, clients: readonly Given[]): Promise<readonly TestBackend[]> {
  const added: TestBackend[] = [];
  for (const client of clients) added.push(await add(on, client));
  await Promise.all(added.map(async (backend) => await untilKnown(on, backend)));
  return added;
}

export async function addBackend(on: TestApp, client: Given): Promise<TestBackend> {
  const [backend] = await addBackends(on, [client]);
  return backend!;
}

async function add(on: TestApp, client: Given): Promise<TestBackend> {
  const { secret, hash } = newClientSecret();
  const { clientId } = client;
  const createdAt = on.clock();
  const { kind } = await on.app.core.deps.store.apps.createClient({
    client: newClient({ ...client, kind: "confidential", createdAt }),
    secret: { secretId: `${clientId}-secret`, hash, createdAt, expiresAt: null, lastUsedAt: null },
  });
  if (kind !== "created") throw new Error(`${clientId} was not added: ${kind}`);
  return { clientId, clientSecret: secret, basic: `Basic ${Buffer.from(`${clientId}:${secret}`).toString("base64")}` };
}

async function untilKnown(on: TestApp, { clientId, basic }: TestBackend): Promise<void> {
  await eventually(`${clientId} in the directory`, async () => {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/latchkey.v1.TokenService/IssueClientToken`, {
      method: "POST",
      headers: { authorization: basic, "content-type": "application/json", "connect-protocol-version": "1" },
      body: "{}",
    });
    await response.body?.cancel();
    return response.ok || undefined;
  });
}
