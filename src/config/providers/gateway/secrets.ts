import { Secret } from "../../../lib/secret.js";
import type { Sealed } from "../../../model/gateway.js";
import { SettingError } from "../../setting.js";
import type { ProviderContext } from "../provider-url.js";
import { child, fieldsOf, isMissing, type Node, refuse, textOf } from "./node.js";

export type Secrets = ReadonlyMap<string, Sealed>;

const namePattern = /^[a-z][a-z0-9_]{0,31}$/;

/**
 * Reads the named secrets of a description. One from a file or the environment is a reference: `{"file": "/run/…"}`, `{"env": "…"}`.
 * A description that comes over the network holds its secrets as texts, because it may read nothing of this machine.
 */
export function readSecrets(node: Node, context: ProviderContext): Secrets {
  const secrets = new Map<string, Sealed>();
  if (isMissing(node)) return secrets;
  for (const [name, secret] of fieldsOf(node, null)) {
    if (!namePattern.test(name)) {
      refuse(secret, "must have a name of at most 32 lower-case letters, digits and underscores");
    }
    const value = context.readText === null ? readInline(secret) : readReference(secret, context);
    // The placeholder of a missing secret keeps its uses valid, so that one mistake is reported once.
    secrets.set(name, new Secret(value ?? "missing-secret-value"));
  }
  return secrets;
}

function readInline(node: Node): string | null {
  if (typeof node.value !== "string") {
    refuse(node, "must be the secret itself as a text, because this description comes over the network");
    return null;
  }
  return checked(node, node.value);
}

function readReference(node: Node, { readText, readEnv }: ProviderContext): string | null {
  if (typeof node.value === "string") {
    refuse(node, 'must not stand in the file: write {"env": "NAME"} or {"file": "/path"}');
    return null;
  }
  const fields = fieldsOf(node, ["env", "file"]);
  if (fields.length !== 1) {
    if (typeof node.value === "object") refuse(node, 'must be either {"env": "NAME"} or {"file": "/path"}');
    return null;
  }
  return fields[0]![0] === "env" ? fromEnv(child(node, "env"), readEnv) : fromFile(child(node, "file"), readText);
}

function fromEnv(node: Node, readEnv: ProviderContext["readEnv"]): string | null {
  const name = textOf(node, { pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, form: "the name of an environment variable" });
  if (name === "") return null;
  const value = readEnv?.(name) ?? "";
  if (value !== "") return checked(node, value);
  refuse(node, `names the environment variable ${name}, which is empty or not set: set it`);
  return null;
}

function fromFile(node: Node, readText: ProviderContext["readText"]): string | null {
  const path = textOf(node, { pattern: /^\//, form: "the absolute path of a file" });
  if (path === "" || readText === null) return null;
  try {
    return checked(node, readText(path).replace(/\r?\n$/, ""));
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    refuse(node, error.message);
    return null;
  }
}

/** Secrets stand in headers and form fields, where a control character could end the value. */
function checked(node: Node, value: string): string | null {
  if (value !== "" && value.length <= 4096 && !/\p{Cc}/u.test(value)) return value;
  refuse(node, "must lead to one line of 1 to 4096 characters without control characters");
  return null;
}
