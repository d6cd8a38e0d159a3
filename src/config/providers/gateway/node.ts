import type { Pointer } from "../../../model/gateway.js";

/** One mistake in a description. `text` continues after the pointer and has no full stop: "must be …". */
export interface Mistake {
  /** A JSON pointer (RFC 6901). Empty: the whole description. */
  readonly pointer: string;
  readonly text: string;
}

/** A value of a description and its place. Readers add what is wrong to `mistakes` and go on with a harmless value. */
export interface Node {
  readonly value: unknown;
  readonly pointer: string;
  readonly mistakes: Mistake[];
}

export function refuse({ mistakes, pointer }: Node, text: string): void {
  mistakes.push({ pointer, text });
}

export function isMissing(node: Node): boolean {
  return node.value === undefined;
}

export function child(node: Node, key: string | number): Node {
  const { value, pointer, mistakes } = node;
  const inner = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return { value: inner, pointer: `${pointer}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`, mistakes };
}

/** Returns an object's fields, or none if it is no object. Refuses fields that are not in `known`. Null allows any name. */
export function fieldsOf(node: Node, known: readonly string[] | null): readonly (readonly [string, Node])[] {
  const { value } = node;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse(node, value === undefined ? "is missing: add it" : "must be an object");
    return [];
  }
  // A field named "__proto__" can't be read by its name below, and no carrier has one.
  const names = Object.keys(value).filter((name) => name !== "$comment" && name !== "__proto__");
  for (const name of names) {
    if (known !== null && !known.includes(name)) {
      refuse(child(node, name), `is no field of this object: remove it, or write one of ${known.join(", ")}`);
    }
  }
  return names.map((name) => [name, child(node, name)]);
}

/** Returns a list's items, or none if it is no list. */
export function itemsOf(node: Node): readonly Node[] {
  if (Array.isArray(node.value)) return node.value.map((_, index) => child(node, index));
  refuse(node, node.value === undefined ? "is missing: add it" : "must be a list");
  return [];
}

/** Returns a text. Without `fallback` it is required. */
export function textOf(node: Node, { fallback, pattern, form }: TextRule = {}): string {
  if (isMissing(node) && fallback !== undefined) return fallback;
  if (typeof node.value !== "string") {
    refuse(node, isMissing(node) ? "is missing: add it" : "must be a text");
  } else if (pattern !== undefined && !pattern.test(node.value)) {
    refuse(node, `must be ${form ?? "another text"}`);
  } else {
    return node.value;
  }
  return fallback ?? "";
}

export interface TextRule {
  readonly fallback?: string;
  readonly pattern?: RegExp;
  /** What the text must be. */
  readonly form?: string;
}

/** Returns one of the words. Without `fallback` it is required. */
export function wordOf<T extends string>(node: Node, words: readonly T[], fallback?: T): T {
  if (isMissing(node) && fallback !== undefined) return fallback;
  const word = words.find((known) => known === node.value);
  if (word === undefined) refuse(node, `${isMissing(node) ? "is missing: write" : "must be"} ${words.join(" or ")}`);
  return word ?? fallback ?? words[0]!;
}

/** Returns the tokens of a JSON pointer, or null if there is none. */
export function pointerOf(node: Node): Pointer | null {
  if (isMissing(node)) return null;
  if (typeof node.value !== "string" || !/^(?:\/(?:[^~/]|~[01])*)*$/.test(node.value)) {
    refuse(node, "must be a JSON pointer such as /messages/0/id");
    return null;
  }
  return node.value
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Returns the tokens of a JSON pointer that is required. */
export function requiredPointerOf(node: Node): Pointer {
  if (isMissing(node)) refuse(node, "is missing: add a JSON pointer such as /status");
  return pointerOf(node) ?? [];
}
