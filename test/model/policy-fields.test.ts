import { type DescField, type DescMessage, getOption } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, it } from "vitest";
import { readSettings } from "../../src/config/settings.js";
import { AppPolicySchema } from "../../src/gen/latchkey/v1/app_pb.js";
import { SendOtpRequestSchema } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { type AppPolicy, resolvePolicy } from "../../src/model/app-policy.js";
import { effectivePolicy, type PolicyField, policyFields, policyKeys } from "../../src/model/policy-fields.js";
import { durationText, policyViolations } from "../../src/model/policy-rules.js";
import { deploymentWith } from "../apps/support.js";

const protoField = ({ name }: PolicyField, of: DescMessage = AppPolicySchema): DescField => {
  const found = of.fields.find((field) => field.name === name);
  if (found === undefined) throw new Error(`${of.name} has no field ${name}`);
  return found;
};

/** What the proto says of a number or a duration, in whole numbers or milliseconds. */
function protoBounds(field: DescField): { min: number; max: number } | undefined {
  const { type } = getOption(field, fieldRules);
  if (type.case === "int32") {
    const { greaterThan, lessThan } = type.value;
    return { min: greaterThan.value as number, max: lessThan.value as number };
  }
  if (type.case !== "duration") return undefined;
  const { greaterThan, lessThan } = type.value;
  return { min: durationMs(greaterThan.value as never), max: durationMs(lessThan.value as never) };
}

const base = {
  LATCHKEY_PEPPER: Buffer.alloc(32, 1).toString("base64"),
  LATCHKEY_MASTER_KEY: Buffer.alloc(32, 2).toString("base64"),
};
const isAccepted = (mode: string, name: string, value: string): boolean => {
  const result = readSettings(
    { ...base, LATCHKEY_MODE: mode, LATCHKEY_REFRESH_IDLE: "1s", [name]: value },
    { files: { readText: () => "" } },
  );
  return result.ok || !result.problems.some((problem) => problem.startsWith(`${name} `));
};

describe("the values of a policy", () => {
  it("are those of the proto, in its order", () => {
    expect(policyKeys.map((key) => policyFields[key].name)).toEqual(AppPolicySchema.fields.map(({ name }) => name));
  });

  it.each(policyKeys)("%s has the hard bounds of the proto", (key) => {
    const field: PolicyField = policyFields[key];
    const bounds = protoBounds(protoField(field));
    if (field.kind === "count") expect(bounds).toEqual({ min: field.min, max: field.max });
    else if (field.kind === "duration") expect(bounds).toEqual({ min: field.minMs, max: field.maxMs });
    else expect(bounds).toBeUndefined();
  });

  it("that one call may decide have the bounds of a policy in production", () => {
    const { codeLength, codeTtlMs } = policyFields;
    const bounds = [codeLength, codeTtlMs].map((field) => protoBounds(protoField(field, SendOtpRequestSchema)));
    expect(bounds).toEqual([
      { min: codeLength.min, max: codeLength.max },
      { min: codeTtlMs.productionMinMs, max: codeTtlMs.maxMs },
    ]);
  });

  it.each([
    ["codeTtlMs", "LATCHKEY_CODE_TTL"],
    ["resendCooldownMs", "LATCHKEY_RESEND_COOLDOWN"],
    ["accessTokenTtlMs", "LATCHKEY_ACCESS_TOKEN_TTL"],
    ["refreshIdleMs", "LATCHKEY_REFRESH_IDLE"],
    ["refreshAbsoluteMs", "LATCHKEY_REFRESH_ABSOLUTE"],
    ["refreshGraceMs", "LATCHKEY_REFRESH_GRACE"],
  ] as const)("%s has the upper bound, and in production the lower one, of %s", (key, setting) => {
    const field: PolicyField = policyFields[key];
    if (field.kind !== "duration") throw new Error("not a duration");
    const { minMs, productionMinMs = minMs, maxMs } = field;
    expect(isAccepted("development", setting, `${maxMs / 1000}s`)).toBe(true);
    expect(isAccepted("development", setting, `${maxMs / 1000 + 1}s`)).toBe(false);
    expect(isAccepted("development", setting, `${minMs}ms`)).toBe(true);
    if (productionMinMs > minMs) {
      expect(isAccepted("production", setting, `${productionMinMs}ms`)).toBe(true);
      expect(isAccepted("production", setting, `${productionMinMs - 1}ms`)).toBe(false);
    }
  });

  it.each(policyKeys)("%s is accepted at its bounds and refused beyond them, in development and production", (key) => {
    const field: PolicyField = policyFields[key];
    if (field.kind !== "count" && field.kind !== "duration") return;
    const [min, max] = field.kind === "count" ? [field.min, field.max] : [field.minMs, field.maxMs];
    const productionMin = field.kind === "duration" ? (field.productionMinMs ?? min) : min;
    // The other value of the pair is put where it restricts nothing.
    const beside: AppPolicy =
      key === "refreshIdleMs" ? { refreshAbsoluteMs: max } : key === "refreshAbsoluteMs" ? { refreshIdleMs: min } : {};
    const fields = (value: number, isProduction: boolean) =>
      policyViolations({ ...beside, [key]: value }, [key], deploymentWith({ isProduction })).map(
        (violation) => violation.field,
      );
    for (const value of [min, max]) expect(fields(value, false)).toEqual([]);
    for (const value of [productionMin, max]) expect(fields(value, true)).toEqual([]);
    for (const value of [min - 1, max + 1, min + 0.5]) expect(fields(value, false)).toEqual([field.name]);
    expect(fields(productionMin - 1, true)).toEqual([field.name]);
  });

  it("that an app leaves out are those of the deployment, and in effect as they are written", () => {
    const { policy } = deploymentWith();
    expect(resolvePolicy({}, policy)).toEqual(policy);
    const own: AppPolicy = { codeLength: 9, resendCooldownMs: 60_000, sendsPerHour: 30, lockoutFailures: 3, channels: ["sms"] };
    expect(effectivePolicy(resolvePolicy(own, policy))).toEqual({ ...effectivePolicy(policy), ...own });
  });

  it("sends of one requester beyond the deployment's total raise the total", () => {
    const { policy } = deploymentWith();
    const { sendsPerIdentifier } = resolvePolicy({ sendsPerHour: 40, sendsPerDay: 20 }, policy);
    expect(sendsPerIdentifier.map(({ max }) => max)).toEqual([40, 40]);
  });
});

it("durations are written as settings are", () => {
  expect([0, 1, 1_500, 45_000, 120_000, 3_600_000, 604_800_000].map(durationText)).toEqual([
    "0s",
    "1ms",
    "1500ms",
    "45s",
    "2m",
    "1h",
    "7d",
  ]);
});
