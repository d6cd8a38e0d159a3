import { newClientSecret } from "../../src/crypto/client-secret.js";
import type { ClientRecord } from "../../src/model/client.js";
import type { Store } from "../../src/store/port/store.js";
import { newClient, newSecret } from "../store/contract/directory-fixtures.js";
import type { TestApp } from "./app.js";

/** Adds a confidential client. Returns the header that authenticates it. */
export async function addBackend(
  on: Pick<TestApp, "app"> | { readonly store: Store },
  client: Partial<ClientRecord>,
): Promise<{ readonly authorization: string }> {
  const store = "store" in on ? on.store : on.app.core.deps.store;
  const { secret, hash } = newClientSecret();
  const record = newClient({ kind: "confidential", ...client });
  const outcome = await store.apps.createClient({ client: record, secret: newSecret({ hash }) });
  if (outcome.kind !== "created") throw new Error(`the client was not created: ${outcome.kind}`);
  return { authorization: `Basic ${Buffer.from(`${record.clientId}:${secret}`).toString("base64")}` };
}
