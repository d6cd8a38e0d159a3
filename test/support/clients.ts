import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient as createConnectClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { operator } from "../../src/apps/actor.js";
import { createApp } from "../../src/apps/create-app.js";
import { type CreateClientInput, createClient } from "../../src/apps/create-client.js";
import type { AppsDeps } from "../../src/apps/deps.js";
import { type PutRegistrationHookInput, putRegistrationHook } from "../../src/apps/registration-hook.js";
import type { Settings } from "../../src/config/settings.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import type { RunningServer } from "../../src/server/app.js";
import { deploymentOf } from "../../src/server/deployment.js";

/** A client as an operator makes it on the command line, on the database of a running server. */
export interface MadeClient {
  readonly clientId: string;
  /** Empty: the client is public, or has keys instead. */
  readonly clientSecret: string;
  /** For `authorization`. */
  readonly basic: string;
}

type Made = { readonly app: RunningServer; readonly settings: Settings };

/** The server's directory finds the client when it is first named. */
export async function addClient(
  server: Made,
  input: Partial<CreateClientInput> & { readonly clientId: string },
): Promise<MadeClient> {
  const given = { appId: "default", kind: "confidential", secretExpiresInMs: null, ...input } as const;
  const { client, made } = await createClient(depsOf(server), operator(), given);
  const { clientId } = client.client;
  const clientSecret = made?.secret ?? "";
  return { clientId, clientSecret, basic: basicOf(clientId, clientSecret) };
}

export async function addApp(server: Made, appId: string): Promise<void> {
  await createApp(depsOf(server), operator(), { appId, displayName: appId });
}

/** Sets the registration hook of an app. The server acts by it within a second. */
export async function setHook(server: Made, input: PutRegistrationHookInput): Promise<{ readonly secret: string }> {
  return await putRegistrationHook(depsOf(server), operator(), input);
}

export function basicOf(clientId: string, clientSecret: string): string {
  return `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString("base64")}`;
}

function depsOf({ app, settings }: Made): AppsDeps {
  const { clock, store, log } = app.core.deps;
  const { hookSecrets, outbound } = app.core;
  const directory = { refresh: async () => {} };
  return { clock, store, log, hookSecrets, outbound, directory, deployment: deploymentOf(settings) };
}

/** AuthService over Connect, as the confidential client. */
export function authWith({ app }: Made, { basic }: MadeClient): Client<typeof AuthService> {
  return connectClient(AuthService, app, { authorization: basic });
}

export function connectClient<S extends DescService>(
  service: S,
  { httpPort }: Pick<RunningServer, "httpPort">,
  headers: Readonly<Record<string, string>>,
): Client<S> {
  const transport = createConnectTransport({
    baseUrl: `http://127.0.0.1:${httpPort}`,
    httpVersion: "1.1",
    interceptors: [
      (next) => (request) => {
        for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
        return next(request);
      },
    ],
  });
  return createConnectClient(service, transport);
}
