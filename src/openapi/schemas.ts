import { type DescEnum, type DescField, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import {
  type FieldRules,
  field as fieldRules,
  type Int32Rules,
  oneof as oneofRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { commentOf } from "./comments.js";

export type Json = Record<string, unknown>;

/** Collects the JSON schemas of messages and enums as they are referred to. */
export interface Schemas {
  refTo(message: DescMessage): Json;
  all(): Json;
}

/** The JSON forms of Google's types. */
const wellKnown: Readonly<Record<string, Json>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Struct": { type: "object", additionalProperties: true },
  "google.protobuf.FieldMask": { type: "string" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$" },
};

export function createSchemas(): Schemas {
  const schemas = new Map<string, Json>();

  function refTo(desc: DescMessage | DescEnum): Json {
    const known = wellKnown[desc.typeName];
    if (known !== undefined) return known;
    if (!schemas.has(desc.name)) {
      schemas.set(desc.name, {});
      schemas.set(desc.name, desc.kind === "enum" ? enumSchema(desc) : messageSchema(desc));
    }
    return { $ref: `#/components/schemas/${desc.name}` };
  }

  function messageSchema(desc: DescMessage): Json {
    const properties = desc.fields.map((field) => [field.jsonName, { ...fieldSchema(field), description: commentOf(field) }]);
    const required = desc.fields.filter(isRequired).map(({ jsonName }) => jsonName);
    const choices = desc.oneofs
      .filter((oneof) => hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required)
      .map(({ fields }) => ({ oneOf: fields.map(({ jsonName }) => ({ required: [jsonName] })) }));
    return {
      type: "object",
      description: commentOf(desc),
      properties: Object.fromEntries(properties),
      additionalProperties: false,
      ...(required.length > 0 && { required }),
      ...(choices.length > 0 && { allOf: choices }),
    };
  }

  function fieldSchema(field: DescField): Json {
    const rules = getOption(field, fieldRules);
    if (field.fieldKind === "map") throw new Error(`${field.name} is a map, which no schema is written for`);
    if (field.fieldKind !== "list") return { ...typeOf(field), ...boundsOf(rules) };
    const list = rules.type.case === "repeated" ? rules.type.value : undefined;
    const items = { ...typeOf(field), ...(list?.items && boundsOf(list.items)) };
    return {
      type: "array",
      items,
      ...(list?.maxItems && { maxItems: Number(list.maxItems) }),
      ...(list?.unique && { uniqueItems: true }),
    };
  }

  function typeOf(field: DescField): Json {
    if (field.message !== undefined) return refTo(field.message);
    if (field.enum !== undefined) return refTo(field.enum);
    const type = field.scalar === undefined ? undefined : scalars[field.scalar];
    if (type === undefined) throw new Error(`${field.name} has a type that no schema is written for`);
    return type;
  }

  return { refTo, all: () => Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/** 64-bit integers are texts in JSON, because JavaScript numbers are exact up to 2^53 only. */
const scalars: Partial<Record<ScalarType, Json>> = {
  [ScalarType.INT64]: { type: "string", format: "int64" },
  [ScalarType.STRING]: { type: "string" },
  [ScalarType.BOOL]: { type: "boolean" },
  [ScalarType.INT32]: { type: "integer", format: "int32" },
  [ScalarType.UINT32]: { type: "integer", format: "uint32" },
};

function enumSchema(desc: DescEnum): Json {
  const lines = desc.values.map((value) => `- \`${value.name}\`: ${commentOf(value)}`);
  return { type: "string", enum: desc.values.map(({ name }) => name), description: [commentOf(desc), ...lines].join("\n") };
}

/** A member of a oneof is required by its oneof alone. */
function isRequired(field: DescField): boolean {
  const rules = getOption(field, fieldRules);
  const minLength = rules.type.case === "string" ? rules.type.value.minLen : 0n;
  return field.oneof === undefined && (rules.required || minLength > 0n);
}

function boundsOf({ type }: FieldRules): Json {
  if (type.case === "enum" && type.value.notIn.includes(0)) return { not: { pattern: "_UNSPECIFIED$" } };
  if (type.case === "int32") return wholeNumberBounds(type.value);
  if (type.case !== "string") return {};
  const { minLen, maxLen, pattern } = type.value;
  return {
    ...(minLen > 0n && { minLength: Number(minLen) }),
    ...(maxLen > 0n && { maxLength: Number(maxLen) }),
    ...(pattern !== "" && { pattern }),
  };
}

function wholeNumberBounds({ greaterThan, lessThan }: Int32Rules): Json {
  return {
    ...(greaterThan.case === "gte" && { minimum: greaterThan.value }),
    ...(lessThan.case === "lte" && { maximum: lessThan.value }),
  };
}
