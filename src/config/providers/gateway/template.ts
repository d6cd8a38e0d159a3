import { quote } from "../../../lib/escape.js";
import { Secret } from "../../../lib/secret.js";
import {
  type GatewayVariable,
  gatewayVariables,
  type JsonTemplate,
  type Sealed,
  type Template,
  type TemplatePart,
} from "../../../model/gateway.js";
import { fieldsOf, itemsOf, type Node, refuse, type TextRule, textOf } from "./node.js";
import type { Secrets } from "./secrets.js";

/** What a template may use. */
export interface Vocabulary {
  readonly secrets: Secrets;
  readonly variables: readonly GatewayVariable[];
}

const placePattern = /\{\{|\}\}|\{([a-z0-9_]+(?:\.[a-z0-9_]+)?)\}|[{}]/g;

/** Reads a text in which `{name}` and `{secrets.name}` stand for values. `{{` and `}}` stand for braces. */
export function readTemplate(node: Node, vocabulary: Vocabulary, rule?: TextRule): Template {
  const text = textOf(node, rule);
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of text.matchAll(placePattern)) {
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    end = match.index + match[0].length;
    const part = partOf(match, vocabulary);
    if (part === null) refuse(node, problemOf(match[0], vocabulary));
    else parts.push(part);
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

function partOf([all, name]: RegExpMatchArray, { secrets, variables }: Vocabulary): TemplatePart | null {
  if (all === "{{" || all === "}}") return { text: all[0]! };
  if (name === undefined) return null;
  if (name.startsWith("secrets.")) {
    const secret = secrets.get(name.slice("secrets.".length));
    return secret === undefined ? null : { secret };
  }
  const variable = variables.find((known) => known === name);
  return variable === undefined ? null : { variable };
}

function problemOf(place: string, { secrets, variables }: Vocabulary): string {
  if (place.length === 1) return `has a lone ${quote(place)}: write it twice, or name a value as in {text}`;
  const known = [...variables, ...[...secrets.keys()].map((name) => `secrets.${name}`)].map((name) => `{${name}}`);
  const name = place.slice(1, -1);
  const why = gatewayVariables.some((variable) => variable === name) ? "can't be used here" : "is not known";
  return `names ${quote(place)}, which ${why}: ${known.length === 0 ? "write a plain text" : `use ${known.join(", ")}`}`;
}

/** Reads a text that may use secrets and nothing of a message, and joins it. */
export function readSealed(node: Node, secrets: Secrets, rule: { readonly lengthMin: number } = { lengthMin: 1 }): Sealed {
  const before = node.mistakes.length;
  const parts = readTemplate(node, { secrets, variables: [] });
  const text = parts.map((part) => ("secret" in part ? part.secret.reveal() : "text" in part ? part.text : "")).join("");
  if (node.mistakes.length === before) {
    if (/\p{Cc}/u.test(text)) refuse(node, "must be one line without control characters");
    else if (text.length < rule.lengthMin) refuse(node, `must have at least ${rule.lengthMin} characters`);
  }
  return new Secret(text);
}

const depthMax = 16;

/** Reads a JSON value whose strings are templates. */
export function readJsonTemplate(node: Node, vocabulary: Vocabulary, depth = 0): JsonTemplate {
  const { value } = node;
  if (depth > depthMax) refuse(node, `is nested too deeply: at most ${depthMax} levels`);
  else if (typeof value === "string") return { kind: "text", template: readTemplate(node, vocabulary) };
  else if (Array.isArray(value)) {
    return { kind: "list", items: itemsOf(node).map((item) => readJsonTemplate(item, vocabulary, depth + 1)) };
  } else if (typeof value === "object" && value !== null) {
    const fields = fieldsOf(node, null).map(([name, field]) => [name, readJsonTemplate(field, vocabulary, depth + 1)] as const);
    return { kind: "object", fields };
  } else if (typeof value === "number" || typeof value === "boolean" || value === null) return { kind: "constant", value };
  else refuse(node, "is missing: add the body of the request");
  return { kind: "constant", value: null };
}

/** Returns the variables that a template uses. */
export function variablesOf(template: Template): readonly GatewayVariable[] {
  return template.flatMap((part) => ("variable" in part ? [part.variable] : []));
}

export function variablesOfJson(json: JsonTemplate): readonly GatewayVariable[] {
  switch (json.kind) {
    case "constant":
      return [];
    case "text":
      return variablesOf(json.template);
    case "list":
      return json.items.flatMap(variablesOfJson);
    case "object":
      return json.fields.flatMap(([, field]) => variablesOfJson(field));
  }
}
