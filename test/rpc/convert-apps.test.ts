import { create, fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { AppPolicySchema, AppSchema, PolicySource } from "../../src/gen/latchkey/v1/app_pb.js";
import {
  UpdateAppRequestSchema,
  UpdateClientRequestSchema,
  UpdatePolicyRequestSchema,
} from "../../src/gen/latchkey/v1/app_service_pb.js";
import { ClientSchema } from "../../src/gen/latchkey/v1/client_pb.js";
import type { AppPolicy } from "../../src/model/app-policy.js";
import { blankClient } from "../../src/model/client.js";
import { policyFields, policyKeys } from "../../src/model/policy-fields.js";
import { noWording } from "../../src/model/wording.js";
import { fromUpdateApp, toApp } from "../../src/rpc/convert/app.js";
import { fromUpdateClient, toClient } from "../../src/rpc/convert/client.js";
import { fromPolicy, toPolicy, toPolicyOrigin } from "../../src/rpc/convert/policy.js";
import { startOfTime } from "../support/rpc.js";

const all: Required<AppPolicy> = {
  codeLength: 8,
  codeTtlMs: 120_500,
  attemptsMax: 3,
  lockoutFailures: 0,
  lockoutDurationMs: 60_000,
  resendCooldownMs: 0,
  sendsMax: 2,
  sendsPerHour: 4,
  sendsPerDay: 6,
  registrationSources: ["phone", "email"],
  codeSignIn: false,
  channels: ["sms"],
  defaultChannel: "sms",
  registration: false,
  autoRegistration: true,
  publicContactProofs: false,
  accessTokenTtlMs: 120_000,
  refreshIdleMs: 1_000,
  refreshAbsoluteMs: 90 * 86_400_000,
  refreshGraceMs: 0,
  sessionsMax: 7,
  tokenFields: [],
  tokenAttributes: ["plan"],
  trustClaims: true,
  smsCountries: ["DE", "TZ"],
  revealUsers: true,
};
const paths = policyKeys.map((key) => policyFields[key].name);

describe("policies", () => {
  it("every value survives the wire, also zero, false and the empty set", () => {
    const message = fromBinary(AppPolicySchema, toBinary(AppPolicySchema, create(AppPolicySchema, toPolicy(all))));
    expect(fromPolicy(message, { $typeName: "google.protobuf.FieldMask", paths })).toEqual(all);
  });

  it("an app that decides nothing has an empty message", () => {
    expect(toBinary(AppPolicySchema, create(AppPolicySchema, toPolicy({})))).toHaveLength(0);
  });

  it("a value that the mask names and the message leaves out falls back; one that the mask leaves out stays", () => {
    const request = fromJson(UpdatePolicyRequestSchema, {
      appId: "shop",
      policy: { codeLength: 8, codeSignIn: false, sendsMax: 3 },
      updateMask: "codeLength,codeTtl,codeSignIn,tokenFields",
    });
    const changes = fromPolicy(request.policy, request.updateMask);
    expect(changes).toEqual({ codeLength: 8, codeTtlMs: null, codeSignIn: false, tokenFields: null });
    expect(fromPolicy(undefined, request.updateMask)).toEqual({
      codeLength: null,
      codeTtlMs: null,
      codeSignIn: null,
      tokenFields: null,
    });
  });

  it("an origin names field, source and setting", () => {
    const origin = toPolicyOrigin({ key: "codeTtlMs", source: "setting", setting: "LATCHKEY_CODE_TTL" });
    expect(origin).toEqual({ field: "code_ttl", source: PolicySource.SETTING, setting: "LATCHKEY_CODE_TTL" });
    expect(toPolicyOrigin({ key: "codeLength", source: "app", setting: null })).toMatchObject({ setting: "" });
  });
});

describe("apps and clients", () => {
  it("a masked update has the named fields alone, in the empty form where the request leaves them out", () => {
    const app = fromJson(UpdateAppRequestSchema, {
      appId: "shop",
      displayName: "Shop",
      audience: "x",
      updateMask: "displayName,state",
    });
    expect(fromUpdateApp(app)).toEqual({ displayName: "Shop", state: "active" });
    const client = fromJson(UpdateClientRequestSchema, {
      clientId: "web",
      scopes: ["otp:send"],
      updateMask: "jwks,redirectUris,isDefault,verifyByIdentifier",
    });
    expect(fromUpdateClient(client)).toEqual({ jwks: null, redirectUris: [], isDefault: false, verifyByIdentifier: false });
  });

  it("every field that a mask may name is changed by it", () => {
    const named = (fields: readonly { readonly name: string }[]) =>
      fields.map(({ name }) => name).filter((name) => !/^(app_id|client_id|update_mask)$/.test(name));
    const ofApp = named(UpdateAppRequestSchema.fields);
    expect(Object.keys(fromUpdateApp(create(UpdateAppRequestSchema, { updateMask: { paths: ofApp } })))).toHaveLength(
      ofApp.length,
    );
    const ofClient = named(UpdateClientRequestSchema.fields);
    const client = create(UpdateClientRequestSchema, { updateMask: { paths: ofClient } });
    expect(Object.keys(fromUpdateClient(client))).toHaveLength(ofClient.length);
  });

  it("an answer never has the hash of a secret", () => {
    const hash = new Uint8Array(32).fill(7);
    const client = {
      ...blankClient,
      clientId: "backend",
      appId: "default",
      kind: "confidential",
      createdAt: startOfTime,
    } as const;
    const secret = { secretId: "s1", hash, createdAt: startOfTime, expiresAt: startOfTime + 1, lastUsedAt: null };
    const message = create(ClientSchema, toClient({ client, secrets: [secret] }));
    expect(message.secrets[0]).not.toHaveProperty("lastUsedAt");
    expect(message.secrets).toMatchObject([{ secretId: "s1" }]);
    expect(Buffer.from(toBinary(ClientSchema, message)).includes(Buffer.from(hash))).toBe(false);
  });

  it("an app has its own policy alone", () => {
    const app = toApp({
      appId: "shop",
      poolId: "main",
      number: 2,
      displayName: "",
      logoUrl: "",
      supportAddress: "",
      allowedOrigins: [],
      audience: "",
      policy: { codeLength: 8 },
      roles: ["admin"],
      ownerOrganization: "0190a000-0000-7000-8000-00000000000a",
      registrationHook: null,
      deliveryReportHook: null,
      carriers: [],
      wording: noWording,
      routing: [],
      workflows: [],
      testIdentifiers: [],
      state: "archived",
      createdAt: startOfTime,
    });
    expect(create(AppSchema, app)).toMatchObject({ appId: "shop", number: 2, state: 2, policy: { codeLength: 8 } });
  });
});
