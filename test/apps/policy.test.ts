import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../src/apps/create-app.js";
import { getEffectivePolicy } from "../../src/apps/effective-policy.js";
import { getApp } from "../../src/apps/read-apps.js";
import { type PolicyChanges, updatePolicy } from "../../src/apps/update-policy.js";
import { type AppsBench, admin, benchEngines, deploymentWith, refusal } from "./support.js";

const second = 1_000;
const day = 86_400_000;

describe.each(benchEngines())("policies on $engine", ({ open }) => {
  let on: AppsBench;
  beforeEach(async () => {
    on = await open({ policySettings: { codeLength: "LATCHKEY_CODE_LENGTH", refreshIdleMs: "LATCHKEY_REFRESH_IDLE" } });
    await createApp(on.deps, admin, { appId: "shop" });
  });
  afterEach(() => on.stop());

  const change = (changes: PolicyChanges) => updatePolicy(on.deps, admin, { appId: "shop", changes });
  const effective = async () => await getEffectivePolicy(on.deps, { appId: "shop" });

  it("every value can be decided, is stored, and falls back when it is taken away", async () => {
    const all: Required<PolicyChanges> = {
      codeLength: 8,
      codeTtlMs: 120 * second,
      attemptsMax: 3,
      lockoutFailures: 5,
      lockoutDurationMs: 60 * second,
      resendCooldownMs: 45 * second,
      sendsMax: 2,
      sendsPerHour: 4,
      sendsPerDay: 6,
      registrationSources: ["email"],
      codeSignIn: false,
      channels: ["email"],
      defaultChannel: "email",
      registration: false,
      autoRegistration: true,
      publicContactProofs: false,
      accessTokenTtlMs: 120 * second,
      refreshIdleMs: 2 * day,
      refreshAbsoluteMs: 3 * day,
      refreshGraceMs: 0,
      sessionsMax: 7,
      tokenFields: ["email", "username"],
      tokenAttributes: ["plan"],
      trustClaims: true,
      smsCountries: ["DE", "TZ"],
      revealUsers: true,
    };
    const before = await effective();
    expect(await change(all)).toEqual(all);
    expect((await getApp(on.deps, { appId: "shop" })).policy).toEqual(all);
    const decided = await effective();
    expect(decided.policy).toEqual(all);
    expect(new Set(decided.origins.map(({ source }) => source))).toEqual(new Set(["app"]));
    const nothing = Object.fromEntries(Object.keys(all).map((key) => [key, null]));
    expect(await change(nothing)).toEqual({});
    expect(await effective()).toEqual(before);
  });

  it("a change of one value leaves the others", async () => {
    await change({ codeLength: 8, sendsMax: 2 });
    expect(await change({ codeLength: null, attemptsMax: 3 })).toEqual({ sendsMax: 2, attemptsMax: 3 });
  });

  it("changes of different values that race are all kept", async () => {
    await Promise.all([
      change({ codeLength: 8 }),
      change({ attemptsMax: 3 }),
      change({ sendsMax: 2 }),
      change({ sessionsMax: 9 }),
      change({ codeSignIn: false }),
    ]);
    const { policy } = await getApp(on.deps, { appId: "shop" });
    expect(policy).toEqual({ codeLength: 8, attemptsMax: 3, sendsMax: 2, sessionsMax: 9, codeSignIn: false });
  });

  it("says of each value whether the app, a setting or the default gives it", async () => {
    await change({ attemptsMax: 3, codeLength: 7 });
    const sources = Object.fromEntries((await effective()).origins.map(({ key, ...from }) => [key, from]));
    expect(sources).toMatchObject({
      attemptsMax: { source: "app", setting: null },
      codeLength: { source: "app", setting: null },
      refreshIdleMs: { source: "setting", setting: "LATCHKEY_REFRESH_IDLE" },
      refreshAbsoluteMs: { source: "default", setting: null },
      sendsMax: { source: "default", setting: null },
    });
    await change({ codeLength: null });
    const codeLength = (await effective()).origins.find(({ key }) => key === "codeLength");
    expect(codeLength).toEqual({ key: "codeLength", source: "setting", setting: "LATCHKEY_CODE_LENGTH" });
  });

  it.each<[string, PolicyChanges]>([
    ["policy.code_length", { codeLength: 5 }],
    ["policy.code_length", { codeLength: 11 }],
    ["policy.code_length", { codeLength: 6.5 }],
    ["policy.code_ttl", { codeTtlMs: 601 * second }],
    ["policy.code_ttl", { codeTtlMs: 0 }],
    ["policy.attempts_max", { attemptsMax: 11 }],
    ["policy.lockout_failures", { lockoutFailures: -1 }],
    ["policy.resend_cooldown", { resendCooldownMs: 901 * second }],
    ["policy.access_token_ttl", { accessTokenTtlMs: 3601 * second }],
    ["policy.refresh_absolute", { refreshAbsoluteMs: 91 * day }],
    ["policy.refresh_absolute", { refreshAbsoluteMs: 6 * day }],
    ["policy.refresh_idle", { refreshIdleMs: 31 * day }],
    ["policy.refresh_grace", { refreshGraceMs: 61 * second }],
    ["policy.registration_sources", { registrationSources: [] }],
    ["policy.channels", { channels: [] }],
    ["policy.channels", { channels: ["email", "email"] }],
    ["policy.default_channel", { channels: ["email"], defaultChannel: "sms" }],
    ["policy.registration_sources", { channels: ["email"], registrationSources: ["email", "phone"] }],
    ["policy.token_fields", { tokenFields: ["name" as "email"] }],
  ])("a bad %s is refused by name, and nothing changes: %j", async (field, changes) => {
    await change({ sendsMax: 2 });
    await expect(change({ ...changes, attemptsMax: changes.attemptsMax ?? 3 })).rejects.toEqual(
      refusal("REQUEST_INVALID", field),
    );
    expect((await getApp(on.deps, { appId: "shop" })).policy).toEqual({ sendsMax: 2 });
  });

  it("a channel without a provider is refused, alone and beside one that has one", async () => {
    const { policy } = deploymentWith();
    const deps = { ...on.deps, deployment: deploymentWith({ policy: { ...policy, channels: ["email"] } }) };
    for (const channels of [["sms"], ["email", "sms"]] as const) {
      const refused = updatePolicy(deps, admin, { appId: "shop", changes: { channels } });
      await expect(refused).rejects.toEqual(refusal("REQUEST_INVALID", "policy.channels"));
    }
    expect(await updatePolicy(deps, admin, { appId: "shop", changes: { channels: ["email"] } })).toEqual({
      channels: ["email"],
    });
  });

  it("lower bounds that only production has are refused there by name, and accepted in development", async () => {
    const short: PolicyChanges = { codeTtlMs: 30 * second, resendCooldownMs: 5 * second, accessTokenTtlMs: 10 * second };
    const production = { ...on.deps, deployment: deploymentWith({ isProduction: true }) };
    await expect(updatePolicy(production, admin, { appId: "shop", changes: short })).rejects.toMatchObject({
      reason: "REQUEST_INVALID",
      violations: [
        { field: "policy.code_ttl", description: "must be at least 1m in production" },
        { field: "policy.resend_cooldown", description: "must be at least 15s in production" },
        { field: "policy.access_token_ttl", description: "must be at least 1m in production" },
      ],
    });
    expect((await getApp(on.deps, { appId: "shop" })).policy).toEqual({});
    expect(await change(short)).toEqual(short);
  });

  it("a value that a setting made inconsistent blocks no other change", async () => {
    await change({ refreshAbsoluteMs: 8 * day });
    const { policy } = deploymentWith();
    const deps = { ...on.deps, deployment: deploymentWith({ policy: { ...policy, refreshIdleMs: 20 * day } }) };
    expect(await updatePolicy(deps, admin, { appId: "shop", changes: { sendsMax: 3 } })).toMatchObject({ sendsMax: 3 });
  });

  it("the policy of an unknown app is refused", async () => {
    await expect(updatePolicy(on.deps, admin, { appId: "news", changes: { sendsMax: 1 } })).rejects.toEqual(
      refusal("APP_NOT_FOUND"),
    );
    await expect(getEffectivePolicy(on.deps, { appId: "news" })).rejects.toEqual(refusal("APP_NOT_FOUND"));
  });
});
