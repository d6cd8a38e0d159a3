import { create, type DescMessage, getOption, type Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import { field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { AuthError } from "../auth/errors.js";
import type { FieldViolation } from "../model/violation.js";
import { decode } from "./decode.js";
import type { RawRequest } from "./raw-request.js";

/** Decodes requests and checks them against the rules in the protos. */
export interface RequestReader {
  /** Throws `AuthError` and `RequestTooLargeError`. */
  read(schema: DescMessage, request: RawRequest): Message;
  /** Compiles the rules of a message, which otherwise delays its first call by 60 ms. Throws for a list without `max_items`. */
  warm(schema: DescMessage): void;
}

/** Longer texts are refused without running the pattern. */
const matchedCharactersMax = 4_096;

const violationsMax = 10;

// One for all readers of the process, because it keeps the rules that it has compiled.
const validator = createValidator({ regexMatch: createMatcher() });

export function createRequestReader(): RequestReader {
  const listLimits = new Map<DescMessage, readonly ListLimit[]>();
  return {
    read(schema, request) {
      const message = decode(schema, request);
      const long = listLimits.get(schema)?.find(({ localName, itemsMax }) => lengthOf(message, localName) > itemsMax);
      // Check the length here: the validator would check every item of a list that is too long.
      if (long !== undefined) throw invalid([{ field: long.name, description: `must have at most ${long.itemsMax} items` }]);
      const result = validator.validate(schema, message);
      if (result.kind === "valid") return message;
      if (result.kind === "error") throw result.error;
      throw invalid(result.violations.slice(0, violationsMax).map(describe));
    },
    warm(schema) {
      listLimits.set(schema, listLimitsOf(schema));
      validator.validate(schema, create(schema));
    },
  };
}

function invalid(violations: readonly FieldViolation[]): AuthError {
  const detail = violations.map((v) => `${v.field}: ${v.description}`).join("; ");
  return new AuthError("REQUEST_INVALID", { detail, violations });
}

interface ListLimit {
  readonly name: string;
  readonly localName: string;
  readonly itemsMax: number;
}

function listLimitsOf(schema: DescMessage): ListLimit[] {
  const lists = schema.fields.filter(({ fieldKind }) => fieldKind === "list");
  return lists.map((list) => {
    const { type } = getOption(list, fieldRules);
    if (type.case !== "repeated" || type.value.maxItems === 0n) throw new Error(`${list} declares no max_items`);
    return { name: list.name, localName: list.localName, itemsMax: Number(type.value.maxItems) };
  });
}

function lengthOf(message: Message, localName: string): number {
  return (message as unknown as Readonly<Record<string, readonly unknown[]>>)[localName]?.length ?? 0;
}

function createMatcher(): (pattern: string, text: string) => boolean {
  const compiled = new Map<string, RegExp>();
  return (pattern, text) => {
    let regex = compiled.get(pattern);
    if (regex === undefined) {
      regex = new RegExp(pattern, "u");
      compiled.set(pattern, regex);
    }
    return text.length <= matchedCharactersMax && regex.test(text);
  };
}

function describe({ field, ruleId, message }: Violation): FieldViolation {
  return { field: pathToString(field), description: descriptionOf(field.at(-1), { ruleId, message }) };
}

function descriptionOf(last: Violation["field"][number] | undefined, rule: { ruleId: string; message: string }): string {
  const { ruleId, message } = rule;
  if (last?.kind === "oneof") return `give exactly one of ${last.fields.map(({ name }) => name).join(", ")}`;
  if (ruleId === "string.pattern") return "has characters or a form that is not allowed: see this field in the API reference";
  // Some messages of the library begin with "value"; here the name of the field stands before them.
  return message.replace(/^(repeated )?value /, "").replace("must be at least 1 characters", "must not be empty");
}
