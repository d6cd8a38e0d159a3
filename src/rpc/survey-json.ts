import type { DescMessage } from "@bufbuild/protobuf";
import { createFieldBudget, refusedKey, refuseKey } from "./field-budget.js";

/** Refuses a parsed JSON message with too many values, or with a key that the decoder would drop. Throws `AuthError`. */
export function surveyJson(schema: DescMessage, json: unknown): void {
  const budget = createFieldBudget();
  function visit(value: unknown, at: string | null): void {
    budget.spend(at ?? "");
    if (typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) {
      for (const item of value) visit(item, at ?? "");
    } else {
      for (const [key, member] of Object.entries(value)) {
        if (key === refusedKey) refuseKey(at ?? "");
        visit(member, at ?? nameOf(schema, key));
      }
    }
  }
  visit(json, null);
}

/** JSON has fields by their proto name or by their JSON name. */
function nameOf(schema: DescMessage, key: string): string {
  return schema.fields.find(({ name, jsonName }) => key === name || key === jsonName)?.name ?? "";
}
