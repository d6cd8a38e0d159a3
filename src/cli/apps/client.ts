import { operator } from "../../apps/actor.js";
import { type MadeSecret, type Rotation, revokeClientSecret, rotateClientSecret } from "../../apps/client-secrets.js";
import { type ClientFields, createClient } from "../../apps/create-client.js";
import { deleteClient } from "../../apps/delete-client.js";
import { getClient, listClients } from "../../apps/read-clients.js";
import { type ClientChanges, updateClient } from "../../apps/update-client.js";
import type { Settings } from "../../config/settings.js";
import type { ClientKind, ClientState } from "../../model/client.js";
import type { StoredClient } from "../../store/port/apps.js";
import { CliError, type Io, requireYes } from "../io.js";
import { allPages } from "./all-pages.js";
import { allApps, type Confirmed, type Json } from "./app.js";
import { clientFields, fieldLines, print } from "./output.js";
import { parseDurationOption, parseList, readJwks } from "./parse.js";
import { withApps } from "./with-apps.js";

/** The options of `create` and `update`. */
export interface ClientOptions extends Json {
  readonly name?: string;
  readonly scopes?: string;
  readonly origins?: string;
  readonly dialects?: string;
  readonly hosts?: string;
  readonly redirectUris?: string;
  readonly verifyByIdentifier?: boolean;
  readonly aliases?: string;
  readonly jwks?: string;
  readonly allowedAddresses?: string;
  readonly default?: boolean;
}

export interface CreateOptions extends ClientOptions {
  readonly app: string;
  readonly kind: ClientKind;
  readonly id?: string;
  readonly secretExpiresIn?: string;
}

export interface UpdateOptions extends ClientOptions {
  readonly state?: ClientState;
}

export interface RotateOptions extends Confirmed {
  readonly oldSecretsExpireIn?: string;
  readonly secretExpiresIn?: string;
}

type Of<Options> = Options & { readonly clientId: string };

export async function create(settings: Settings, options: CreateOptions, io: Io): Promise<void> {
  const { app: appId, kind, id: clientId = "" } = options;
  const input = {
    ...fieldsIn(options),
    appId,
    clientId,
    kind,
    secretExpiresInMs: durationIn("--secret-expires-in", options.secretExpiresIn, { min: secretLifeMinMs }),
  };
  const { client, made } = await withApps(settings, io, (deps) => createClient(deps, operator(), input));
  printMade(io, options, { line: `Created the ${kind} client ${client.client.clientId} of the app ${appId}.`, client, made });
}

export async function list(settings: Settings, options: Json & { readonly app?: string }, io: Io): Promise<void> {
  const clients = await withApps(settings, io, async (deps) => {
    const appIds = options.app === undefined ? (await allApps(deps)).map(({ appId }) => appId) : [options.app];
    const found: StoredClient[] = [];
    for (const appId of appIds) found.push(...(await allPages((page) => listClients(deps, { appId, ...page }))));
    return found;
  });
  const lines = clients.map(({ client }) =>
    [
      client.clientId.padEnd(24),
      client.appId.padEnd(16),
      client.kind.padEnd(12),
      client.state.padEnd(8),
      client.scopes.join(","),
    ]
      .join(" ")
      .trimEnd(),
  );
  print(io, options, clients.map(clientFields), lines);
}

export async function show(settings: Settings, options: Of<Json>, io: Io): Promise<void> {
  const fields = clientFields(await withApps(settings, io, (deps) => getClient(deps, options)));
  print(io, options, fields, fieldLines(fields));
}

export async function update(settings: Settings, options: Of<UpdateOptions>, io: Io): Promise<void> {
  const { clientId, state } = options;
  const changes: ClientChanges = { ...fieldsIn(options), ...(state && { state }) };
  if (Object.keys(changes).length === 0) throw new CliError("There is nothing to change: give at least one option.");
  const client = await withApps(settings, io, (deps) => updateClient(deps, operator(), { clientId, changes }));
  print(io, options, clientFields(client), [`Changed the client ${clientId}.`]);
}

export async function rotateSecret(settings: Settings, options: Of<RotateOptions>, io: Io): Promise<void> {
  const { clientId } = options;
  const rotation: Rotation = {
    clientId,
    oldSecretsExpireInMs: durationIn("--old-secrets-expire-in", options.oldSecretsExpireIn, { min: 0 }),
    secretExpiresInMs: durationIn("--secret-expires-in", options.secretExpiresIn, { min: secretLifeMinMs }),
  };
  const { client, made } = await withApps(settings, io, async (deps) => {
    await getClient(deps, { clientId });
    const question = `The secrets that ${clientId} has now end at once, and callers that use them are refused.`;
    if (rotation.oldSecretsExpireInMs === 0) await requireYes(io, options, { question, refusal: "Nothing was changed" });
    return await rotateClientSecret(deps, operator(), rotation);
  });
  printMade(io, options, { line: `Made a new secret for the client ${clientId}.`, client, made });
}

export async function revokeSecret(
  settings: Settings,
  options: Of<Confirmed & { readonly secretId: string }>,
  io: Io,
): Promise<void> {
  const { clientId, secretId } = options;
  await withApps(settings, io, async (deps) => {
    const { secrets } = await getClient(deps, { clientId });
    if (!secrets.some((secret) => secret.secretId === secretId)) {
      throw new CliError(`The client has no secret with this id: see \`latchkey client show ${clientId}\`.`);
    }
    const question = `The secret ${secretId} of the client ${clientId} ends at once, and callers that use it are refused.`;
    await requireYes(io, options, { question, refusal: "Nothing was revoked" });
    await revokeClientSecret(deps, operator(), { clientId, secretId });
  });
  print(io, options, { client_id: clientId, secret_id: secretId }, [
    `Revoked the secret ${secretId} of the client ${clientId}.`,
  ]);
}

export async function remove(settings: Settings, options: Of<Confirmed>, io: Io): Promise<void> {
  const { clientId } = options;
  const ended = await withApps(settings, io, async (deps) => {
    await getClient(deps, { clientId });
    const question = `Deleting the client ${clientId} deletes its secrets and ends its sessions, and can't be undone.`;
    await requireYes(io, options, { question, refusal: "Nothing was deleted" });
    return await deleteClient(deps, operator(), { clientId });
  });
  print(io, options, { client_id: clientId, sessions_ended: ended }, [
    `Deleted the client ${clientId} and ended ${ended} ${ended === 1 ? "session" : "sessions"} of its users.`,
  ]);
}

/** The only place that prints a secret. */
function printMade(
  io: Io,
  options: Json,
  { line, client, made }: { readonly line: string; readonly client: StoredClient; readonly made: MadeSecret | null },
): void {
  const { clientId } = client.client;
  const lines = made === null ? [line] : [line, `Its secret is shown only now: ${made.secret}`];
  print(io, options, { client_id: clientId, ...(made && { client_secret: made.secret }) }, lines);
}

function fieldsIn(options: ClientOptions): ClientFields {
  const { name, verifyByIdentifier, jwks } = options;
  const list = (text: string | undefined) => (text === undefined ? undefined : parseList(text));
  const fields = {
    displayName: name,
    scopes: list(options.scopes),
    allowedOrigins: list(options.origins),
    dialects: list(options.dialects),
    hosts: list(options.hosts),
    redirectUris: list(options.redirectUris),
    verifyByIdentifier,
    aliases: list(options.aliases),
    jwks: jwks === undefined ? undefined : readJwks(jwks),
    allowedAddresses: list(options.allowedAddresses),
    isDefault: options.default,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const secretLifeMinMs = 60_000;
const secretLifeMaxMs = 5 * 365 * 86_400_000;

/** Null: the option is not given. The bounds are those of the API. */
function durationIn(option: string, text: string | undefined, { min }: { readonly min: number }): number | null {
  if (text === undefined) return null;
  const ms = parseDurationOption(option, text);
  if (ms < min || ms > secretLifeMaxMs)
    throw new CliError(`${option} must be ${min === 0 ? "at most" : "1m to"} 5 years (1825d).`);
  return ms;
}
