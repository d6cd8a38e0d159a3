import type { StoredClient } from "../store/port/apps.js";
import type { AppsDeps } from "./deps.js";
import { type Page, type PageRequest, pageOf, rowsOf } from "./page.js";
import { getApp } from "./read-apps.js";
import { clientNotFound } from "./refusals.js";

/** Throws CLIENT_NOT_FOUND. */
export async function getClient(deps: AppsDeps, { clientId }: { readonly clientId: string }): Promise<StoredClient> {
  const found = await deps.store.apps.findClient(clientId);
  if (found === null) throw clientNotFound(clientId);
  return found;
}

/** Lists the clients of an app in the order of their ids. Throws APP_NOT_FOUND. */
export async function listClients(
  deps: AppsDeps,
  request: PageRequest & { readonly appId: string },
): Promise<Page<StoredClient>> {
  const { appId } = await getApp(deps, request);
  const rows = await deps.store.apps.listClients({ appId, ...rowsOf(request) });
  return pageOf(rows, request, ({ client }) => client.clientId);
}
