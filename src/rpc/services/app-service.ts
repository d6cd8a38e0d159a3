import { revokeClientSecret, rotateClientSecret } from "../../apps/client-secrets.js";
import { createApp } from "../../apps/create-app.js";
import { createClient } from "../../apps/create-client.js";
import { deleteApp } from "../../apps/delete-app.js";
import { deleteClient } from "../../apps/delete-client.js";
import { deleteDeliveryReportHook, putDeliveryReportHook } from "../../apps/delivery-report-hook.js";
import type { AppsDeps } from "../../apps/deps.js";
import { getEffectivePolicy } from "../../apps/effective-policy.js";
import { getApp, listApps } from "../../apps/read-apps.js";
import { getClient, listClients } from "../../apps/read-clients.js";
import { deleteRegistrationHook, putRegistrationHook } from "../../apps/registration-hook.js";
import { updateApp } from "../../apps/update-app.js";
import { updateClient } from "../../apps/update-client.js";
import { updatePolicy } from "../../apps/update-policy.js";
import { HookFailure } from "../../gen/latchkey/v1/app_pb.js";
import type { AppService } from "../../gen/latchkey/v1/app_service_pb.js";
import { actorOf } from "../actor.js";
import { fromUpdateApp, toApp } from "../convert/app.js";
import { fromClientKind, fromCreateClient, fromUpdateClient, toClient, toMadeSecret } from "../convert/client.js";
import { fromDuration } from "../convert/duration.js";
import { fromPolicy, toPolicy, toPolicyOrigin } from "../convert/policy.js";
import type { Handlers } from "../pipeline.js";

/** The methods of latchkey.v1.AppService. They turn requests into calls of use cases and results into responses. */
export function createAppService(deps: AppsDeps): Handlers<typeof AppService> {
  return {
    forClients: { ...appMethods(deps), ...hookMethods(deps), ...policyMethods(deps), ...clientMethods(deps) },
    forUsers: {},
  };
}

type Methods = Handlers<typeof AppService>["forClients"];

function appMethods(deps: AppsDeps): Methods {
  return {
    async createApp(caller, request) {
      const { appId, poolId, displayName, logoUrl, supportAddress, allowedOrigins, audience, roles } = request;
      const input = { appId, poolId, displayName, logoUrl, supportAddress, allowedOrigins, audience, roles };
      return { app: toApp(await createApp(deps, actorOf(caller), input)) };
    },

    async getApp(_caller, { appId }) {
      return { app: toApp(await getApp(deps, { appId })) };
    },

    async listApps(_caller, { pageSize, pageToken }) {
      const { items, nextPageToken } = await listApps(deps, { pageSize, pageToken });
      return { apps: items.map(toApp), nextPageToken };
    },

    async updateApp(caller, request) {
      const { appId } = request;
      return { app: toApp(await updateApp(deps, actorOf(caller), { appId, changes: fromUpdateApp(request) })) };
    },

    async deleteApp(caller, { appId }) {
      return { archived: (await deleteApp(deps, actorOf(caller), { appId })) === "archived" };
    },
  };
}

function hookMethods(deps: AppsDeps): Methods {
  return {
    async putRegistrationHook(caller, { appId, url, onFailure }) {
      const input = { appId, url, failOpen: onFailure === HookFailure.ALLOW };
      const { app, secret } = await putRegistrationHook(deps, actorOf(caller), input);
      return { app: toApp(app), secret };
    },

    async deleteRegistrationHook(caller, { appId }) {
      return { app: toApp(await deleteRegistrationHook(deps, actorOf(caller), { appId })) };
    },

    async putDeliveryReportHook(caller, { appId, url }) {
      const { app, secret } = await putDeliveryReportHook(deps, actorOf(caller), { appId, url });
      return { app: toApp(app), secret };
    },

    async deleteDeliveryReportHook(caller, { appId }) {
      return { app: toApp(await deleteDeliveryReportHook(deps, actorOf(caller), { appId })) };
    },
  };
}

function policyMethods(deps: AppsDeps): Methods {
  return {
    async updatePolicy(caller, { appId, policy, updateMask }) {
      const changes = fromPolicy(policy, updateMask);
      return { policy: toPolicy(await updatePolicy(deps, actorOf(caller), { appId, changes })) };
    },

    async getEffectivePolicy(_caller, { appId }) {
      const { policy, origins } = await getEffectivePolicy(deps, { appId });
      return { policy: toPolicy(policy), origins: origins.map(toPolicyOrigin) };
    },
  };
}

function clientMethods(deps: AppsDeps): Methods {
  return {
    async createClient(caller, request) {
      const { appId, clientId } = request;
      const kind = fromClientKind(request.kind);
      if (kind === undefined) throw new Error("validation accepted a request without a kind");
      const secretExpiresInMs = fromDuration(request.secretExpiresIn) ?? null;
      const input = { ...fromCreateClient(request), appId, clientId, kind, secretExpiresInMs };
      const { client, made } = await createClient(deps, actorOf(caller), input);
      return { client: toClient(client), ...toMadeSecret(made) };
    },

    async getClient(_caller, { clientId }) {
      return { client: toClient(await getClient(deps, { clientId })) };
    },

    async listClients(_caller, { appId, pageSize, pageToken }) {
      const { items, nextPageToken } = await listClients(deps, { appId, pageSize, pageToken });
      return { clients: items.map(toClient), nextPageToken };
    },

    async updateClient(caller, request) {
      const { clientId } = request;
      return { client: toClient(await updateClient(deps, actorOf(caller), { clientId, changes: fromUpdateClient(request) })) };
    },

    async deleteClient(caller, { clientId }) {
      return { sessionsEnded: await deleteClient(deps, actorOf(caller), { clientId }) };
    },

    async rotateClientSecret(caller, request) {
      const { client, made } = await rotateClientSecret(deps, actorOf(caller), {
        clientId: request.clientId,
        oldSecretsExpireInMs: fromDuration(request.oldSecretsExpireIn) ?? null,
        secretExpiresInMs: fromDuration(request.secretExpiresIn) ?? null,
      });
      return { client: toClient(client), ...toMadeSecret(made) };
    },

    async revokeClientSecret(caller, { clientId, secretId }) {
      await revokeClientSecret(deps, actorOf(caller), { clientId, secretId });
      return {};
    },
  };
}
