import type { PolicyChanges } from "../../apps/update-policy.js";
import { parseDuration } from "../../config/parse.js";
import { nearest } from "../../config/suggest.js";
import { quote } from "../../lib/escape.js";
import { type PolicyField, type PolicyKey, policyFields, policyKeys } from "../../model/policy-fields.js";
import { CliError } from "../io.js";
import { readText } from "../read-text.js";

/** Reads `a,b` as a list. An empty text is an empty list. */
export function parseList(text: string): readonly string[] {
  return text.trim() === "" ? [] : text.split(",").map((entry) => entry.trim());
}

/** Reads the duration that an option gives, in milliseconds. Throws `CliError`. */
export function parseDurationOption(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new CliError(`${option} must be a duration such as 30s, 10m, 24h or 90d, not ${quote(text)}.`);
  return ms;
}

/** Reads `--set name=value` and `--unset name`. Throws `CliError`. */
export function parsePolicyChanges(set: readonly string[], unset: readonly string[]): PolicyChanges {
  const changes: Partial<Record<PolicyKey, PolicyValue | null>> = {};
  for (const text of set) {
    const [name, value] = [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)];
    if (!text.includes("=")) throw new CliError(`--set needs a name and a value such as code_length=8, not ${quote(text)}.`);
    const key = policyKey(name);
    changes[key] = parseValue(policyFields[key], value);
  }
  for (const name of unset) {
    const key = policyKey(name);
    if (key in changes) throw new CliError(`${name} is both set and unset: give one of them.`);
    changes[key] = null;
  }
  return changes as PolicyChanges;
}

function policyKey(name: string): PolicyKey {
  const key = policyKeys.find((one) => policyFields[one].name === name);
  if (key !== undefined) return key;
  const names = policyKeys.map((one) => policyFields[one].name);
  const near = nearest(name, names);
  const hint = near === undefined ? `the values are ${names.join(", ")}` : `did you mean ${near}?`;
  throw new CliError(`${quote(name)} is not a value of a policy: ${hint}${near === undefined ? "." : ""}`);
}

type PolicyValue = number | boolean | string | readonly string[];

/** Bounds are checked by the use case. The return type has no `undefined`, so a missing kind does not compile. */
function parseValue(field: PolicyField, text: string): PolicyValue {
  switch (field.kind) {
    case "count":
      return /^\d{1,9}$/.test(text) ? Number(text) : refuse(field, "a whole number", text);
    case "duration":
      return parseDuration(text) ?? refuse(field, "a duration such as 30s, 10m, 24h or 90d", text);
    case "switch":
      return ["on", "off", "true", "false"].includes(text)
        ? text === "on" || text === "true"
        : refuse(field, "on or off", text);
    case "choice":
      return text;
    case "set":
    case "words":
      return parseList(text);
    case "countries":
      return parseList(text.toUpperCase());
  }
}

function refuse({ name }: PolicyField, form: string, text: string): never {
  throw new CliError(`${name} must be ${form}, not ${quote(text)}.`);
}

/** Reads a JWK set from a file or standard input. An empty path is none. Messages never repeat the content. */
export function readJwks(path: string): unknown {
  if (path === "") return null;
  const text = readText("--jwks", path);
  try {
    return JSON.parse(text);
  } catch {
    throw new CliError('--jwks must be a JSON file with a JWK set such as {"keys": [{"kty": "EC", …}]}.');
  }
}
