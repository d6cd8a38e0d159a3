import { type AppPolicy, resolvePolicy } from "./app-policy.js";
import { reaches } from "./channel.js";
import type { Policy } from "./policy.js";
import { type PolicyField, type PolicyKey, policyFields } from "./policy-fields.js";
import type { FieldViolation } from "./violation.js";

const wordText = /^[a-z0-9_]{1,32}$/;

/** What the rules of a policy depend on besides the app. */
export interface PolicyRules {
  /** What applies to an app that decides nothing. */
  readonly policy: Policy;
  /** Some lower bounds are higher in production. */
  readonly isProduction: boolean;
}

/** Returns what is wrong with the `changed` values of an app's policy. Fields are named as in the API. */
export function policyViolations(own: AppPolicy, changed: readonly PolicyKey[], rules: PolicyRules): FieldViolation[] {
  const outOfBounds = changed.flatMap((key) => {
    const description = own[key] === undefined ? null : boundsViolation(policyFields[key], own[key], rules.isProduction);
    return description === null ? [] : [{ field: policyFields[key].name, description }];
  });
  return outOfBounds.length > 0 ? outOfBounds : jointViolations(own, changed, rules.policy);
}

function boundsViolation(field: PolicyField, value: unknown, isProduction: boolean): string | null {
  switch (field.kind) {
    case "count": {
      const isCount = Number.isInteger(value) && (value as number) >= field.min && (value as number) <= field.max;
      return isCount ? null : `must be a whole number from ${field.min} to ${field.max}`;
    }
    case "duration": {
      const { minMs, productionMinMs = minMs, maxMs } = field;
      if (!Number.isInteger(value)) return "must be a duration of whole milliseconds";
      if ((value as number) > maxMs) return `must be at most ${durationText(maxMs)}`;
      if ((value as number) < minMs) return `must be at least ${durationText(minMs)}`;
      const isShort = isProduction && (value as number) < productionMinMs;
      return isShort ? `must be at least ${durationText(productionMinMs)} in production` : null;
    }
    case "switch":
      return typeof value === "boolean" ? null : "must be true or false";
    case "choice":
      return field.members.includes(value as string) ? null : `must be one of ${field.members.join(", ")}`;
    case "set": {
      const members = value as readonly string[];
      if (members.length === 0 && !field.mayBeEmpty) return "must not be empty";
      const isSet = members.every((one) => field.members.includes(one)) && new Set(members).size === members.length;
      return isSet ? null : `must have each of ${field.members.join(", ")} at most once, and nothing more`;
    }
    case "countries": {
      const codes = value as readonly string[];
      const unknown = codes.find((one) => !field.members.includes(one));
      if (unknown !== undefined) return "must be ISO 3166-1 alpha-2 codes of countries in capitals, such as DE";
      return new Set(codes).size === codes.length ? null : "must have each country at most once";
    }
    case "words": {
      const words = value as readonly string[];
      const good =
        words.length <= field.max && words.every((one) => wordText.test(one)) && new Set(words).size === words.length;
      return good ? null : `must be at most ${field.max} different words of lower-case letters, digits and underscores`;
    }
  }
}

/** Rules between values. They hold for the values in effect, but only a change of one of them is refused. */
function jointViolations(own: AppPolicy, changed: readonly PolicyKey[], deployment: Policy): FieldViolation[] {
  const effective = resolvePolicy(own, deployment);
  const violations: FieldViolation[] = [];
  const check = (keys: readonly PolicyKey[], isGood: boolean, description: string): void => {
    const key = keys.find((one) => changed.includes(one));
    if (key !== undefined && !isGood) violations.push({ field: policyFields[key].name, description });
  };
  check(
    ["refreshAbsoluteMs", "refreshIdleMs"],
    effective.refreshAbsoluteMs >= effective.refreshIdleMs,
    `makes refresh_absolute (${durationText(effective.refreshAbsoluteMs)}) shorter than refresh_idle (${durationText(effective.refreshIdleMs)})`,
  );
  const missing = own.channels?.filter((channel) => !deployment.channels.includes(channel)) ?? [];
  check(
    ["channels"],
    missing.length === 0,
    `has a channel without a provider in this deployment, which has ${deployment.channels.join(", ")}`,
  );
  const closed = own.smsCountries?.filter((country) => deployment.smsCountries?.includes(country) === false) ?? [];
  check(
    ["smsCountries"],
    closed.length === 0,
    `has ${closed.join(", ")}, which LATCHKEY_SMS_COUNTRIES does not allow: an app can only choose among the deployment's countries`,
  );
  const { channels, defaultChannel } = effective;
  check(
    ["defaultChannel", "channels"],
    defaultChannel === null || channels.includes(defaultChannel),
    `makes ${defaultChannel} the default channel, which is not among the channels ${channels.join(", ")}`,
  );
  const unreached = (effective.registrationSources ?? []).filter((kind) => !reaches(channels, kind));
  check(
    ["registrationSources", "channels"],
    unreached.length === 0,
    `makes registration impossible: no channel among ${channels.join(", ")} reaches the registration source ${unreached.join(", ")}`,
  );
  return violations;
}

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** Writes milliseconds as settings do: `90d`, `10m`, `0s`, `1500ms`. */
export function durationText(ms: number): string {
  if (ms === 0) return "0s";
  const [unit, unitMs] = units.find(([, size]) => ms % size === 0) ?? ["ms", 1];
  return `${ms / unitMs}${unit}`;
}
