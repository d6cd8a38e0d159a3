import type { RegistrationAnswer } from "../auth/registration-hook.js";
import { customAttributesText } from "../model/custom-attributes.js";
import { isViolation } from "../model/violation.js";

const reasonMax = 200;

/** Reads the answer of a registration hook. Returns a word for what is wrong with an invalid one. */
export function readHookAnswer(body: Buffer, roles: readonly string[]): RegistrationAnswer | string {
  const answer = parse(body);
  if (answer === null) return "not_json";
  // A refusal counts, whatever is wrong with the rest.
  if (answer.decision === "refuse") return { kind: "refused", reason: publicReason(answer.reason) };
  if (answer.decision !== "allow") return "decision_invalid";
  const given = answer.roles ?? [];
  if (!isListOfTexts(given) || given.length > roles.length || !given.every((role) => roles.includes(role)))
    return "roles_invalid";
  const attributes = answer.app_attributes ?? {};
  if (!isObject(attributes)) return "app_attributes_invalid";
  const text = customAttributesText(attributes as Parameters<typeof customAttributesText>[0]);
  if (isViolation(text)) return "app_attributes_invalid";
  return { kind: "allowed", roles: [...new Set(given)], appAttributes: text };
}

function parse(body: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** Returns a text for users: one line of at most 200 characters, or empty. */
function publicReason(reason: unknown): string {
  if (typeof reason !== "string") return "";
  return [...reason.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim()].slice(0, reasonMax).join("");
}
