import { timestampMs } from "@bufbuild/protobuf/wkt";
import { revokeClientSecret, rotateClientSecret } from "../../apps/client-secrets.js";
import { createApp } from "../../apps/create-app.js";
import { createClient } from "../../apps/create-client.js";
import { deleteApp } from "../../apps/delete-app.js";
import { deleteClient } from "../../apps/delete-client.js";
import { deleteDeliveryReportHook, putDeliveryReportHook } from "../../apps/delivery-report-hook.js";
import type { AppsDeps } from "../../apps/deps.js";
import { getEffectivePolicy } from "../../apps/effective-policy.js";
import { previewMessage } from "../../apps/preview-message.js";
import { getApp, listApps } from "../../apps/read-apps.js";
import { getClient, listClients } from "../../apps/read-clients.js";
import { deleteRegistrationHook, putRegistrationHook } from "../../apps/registration-hook.js";
import { deleteTestIdentifier, putTestIdentifier } from "../../apps/test-identifiers.js";
import { deleteText, listTexts, putText } from "../../apps/texts.js";
import { updateApp } from "../../apps/update-app.js";
import { updateClient } from "../../apps/update-client.js";
import { updatePolicy } from "../../apps/update-policy.js";
import { updateRouting } from "../../apps/update-routing.js";
import { updateWording } from "../../apps/update-wording.js";
import { HookFailure } from "../../gen/latchkey/v1/app_pb.js";
import type { AppService } from "../../gen/latchkey/v1/app_service_pb.js";
import { actorOf } from "../actor.js";
import { fromReportFormat, fromUpdateApp, toApp, toTestIdentifier } from "../convert/app.js";
import { fromClientKind, fromCreateClient, fromUpdateClient, toClient, toMadeSecret } from "../convert/client.js";
import { fromDuration } from "../convert/duration.js";
import { fromPolicy, toPolicy, toPolicyOrigin } from "../convert/policy.js";
import { fromUpdateRouting } from "../convert/routing.js";
import {
  fromMessageWords,
  fromText,
  fromTextKey,
  fromUpdateWording,
  fromWording,
  toPreview,
  toText,
} from "../convert/wording.js";
import type { Handlers } from "../pipeline.js";

/** The methods of latchkey.v1.AppService. They turn requests into calls of use cases and results into responses. */
export function createAppService(deps: AppsDeps): Handlers<typeof AppService> {
  return {
    forClients: {
      ...appMethods(deps),
      ...hookMethods(deps),
      ...testMethods(deps),
      ...policyMethods(deps),
      ...wordingMethods(deps),
      ...clientMethods(deps),
    },
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

    async putDeliveryReportHook(caller, { appId, url, format }) {
      const input = { appId, url, format: fromReportFormat(format) };
      const { app, secret } = await putDeliveryReportHook(deps, actorOf(caller), input);
      return { app: toApp(app), secret };
    },

    async deleteDeliveryReportHook(caller, { appId }) {
      return { app: toApp(await deleteDeliveryReportHook(deps, actorOf(caller), { appId })) };
    },
  };
}

function testMethods(deps: AppsDeps): Methods {
  return {
    async putTestIdentifier(caller, { appId, pattern, code, endsAt }) {
      if (endsAt === undefined) throw new Error("validation accepted a request without an end");
      const input = { appId, pattern, code, endsAt: timestampMs(endsAt) };
      return { testIdentifier: toTestIdentifier(await putTestIdentifier(deps, actorOf(caller), input)) };
    },

    async deleteTestIdentifier(caller, { appId, pattern }) {
      await deleteTestIdentifier(deps, actorOf(caller), { appId, pattern });
      return {};
    },

    async listTestIdentifiers(_caller, { appId }) {
      return { testIdentifiers: (await getApp(deps, { appId })).testIdentifiers.map(toTestIdentifier) };
    },
  };
}

function policyMethods(deps: AppsDeps): Methods {
  return {
    async updatePolicy(caller, { appId, policy, updateMask }) {
      const changes = fromPolicy(policy, updateMask);
      return { policy: toPolicy(await updatePolicy(deps, actorOf(caller), { appId, changes })) };
    },

    async updateRouting(caller, request) {
      return { app: toApp(await updateRouting(deps, actorOf(caller), fromUpdateRouting(request))) };
    },

    async getEffectivePolicy(_caller, { appId }) {
      const { policy, origins } = await getEffectivePolicy(deps, { appId });
      return { policy: toPolicy(policy), origins: origins.map(toPolicyOrigin) };
    },
  };
}

function wordingMethods(deps: AppsDeps): Methods {
  return {
    async updateWording(caller, request) {
      const { appId } = request;
      return { app: toApp(await updateWording(deps, actorOf(caller), { appId, changes: fromUpdateWording(request) })) };
    },

    async putText(caller, { appId, text }) {
      if (text === undefined) throw new Error("validation accepted a request without a text");
      return { text: toText(await putText(deps, actorOf(caller), { appId, text: fromText(text) })) };
    },

    async deleteText(caller, { appId, ...key }) {
      await deleteText(deps, actorOf(caller), { appId, key: fromTextKey(key) });
      return {};
    },

    async listTexts(_caller, { appId }) {
      return { texts: (await listTexts(deps, { appId })).map(toText) };
    },

    async previewMessage(_caller, request) {
      const { appId, locale, draft } = request;
      const { channel } = fromTextKey(request);
      const wording = fromWording(request.wording) ?? "login";
      const words = fromMessageWords(request) ?? {};
      const input = { appId, channel, wording, locale, draft: draft === undefined ? null : fromText(draft), words };
      return toPreview(await previewMessage(deps, input));
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
