import type { Actor } from "../apps/actor.js";
import { invalidField } from "../auth/errors.js";
import type { App } from "../model/app.js";
import type { Client } from "../model/client.js";
import type { AccountsDeps } from "./deps.js";

/** Returns the client of the app that a call names, or the calling one if `clientId` is empty. `role` ends the refusal. */
export async function clientOfApp(
  { directory }: Pick<AccountsDeps, "directory">,
  actor: Actor,
  { app, clientId, role }: { readonly app: App; readonly clientId: string; readonly role: string },
): Promise<Client> {
  const found = clientId === "" ? null : (directory.find(clientId) ?? (await directory.lookUp(clientId)));
  const client = clientId === "" ? actor.client : found?.client;
  if (client?.appId === app.appId) return client;
  throw invalidField("client_id", `must name the client of the app that ${role}`);
}
