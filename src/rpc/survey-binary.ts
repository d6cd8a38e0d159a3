import { isUtf8 } from "node:buffer";
import { type DescField, type DescMessage, type DescOneof, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../auth/errors.js";
import {
  byteOrderMark,
  createFieldBudget,
  type FieldBudget,
  refuseByteOrderMark,
  refusedKey,
  refuseKey,
} from "./field-budget.js";

/** Custom attributes have at most 64 keys with four fields each and 192 list items with two. The rest is for the request itself. */
const fieldsMax = 680;

interface Survey {
  readonly budget: FieldBudget;
  /** The request's own field that is being looked at. */
  at: string;
}

/**
 * Refuses a binary message that the decoder would read at great cost, or differently from other decoders: too many fields, a
 * singular field given twice (merging them takes quadratic time), a wrong wire type, a length beyond its parent, a group.
 * Throws `AuthError`, or any other error for bytes that are no message.
 */
export function surveyBinary(schema: DescMessage, bytes: Uint8Array): void {
  surveyMessage(schema, bytes, { budget: createFieldBudget(fieldsMax), at: "" }, true);
}

function surveyMessage(desc: DescMessage, bytes: Uint8Array, survey: Survey, outermost = false): void {
  const reader = new BinaryReader(bytes);
  const seen = new Set<DescField | DescOneof>();
  const keys = new Set<string>();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = desc.fields.find((one) => one.number === number);
    if (outermost) survey.at = field?.name ?? "";
    survey.budget.spend(survey.at);
    if (field === undefined) skip(reader, wireType);
    else surveyField(field, { reader, wireType, seen, keys }, survey);
  }
  if (desc.typeName === ValueSchema.typeName && seen.size === 0) throw invalidField(survey.at, "has a value without a kind");
}

interface Occurrence {
  readonly reader: BinaryReader;
  readonly wireType: WireType;
  /** The fields that the same message had before. */
  readonly seen: Set<DescField | DescOneof>;
  /** The keys that its map had before. No message here has two maps. */
  readonly keys: Set<string>;
}

function surveyField(field: DescField, { reader, wireType, seen, keys }: Occurrence, survey: Survey): void {
  const slot = field.oneof ?? field;
  const repeated = field.fieldKind === "list" || field.fieldKind === "map";
  if (seen.has(slot) && !repeated) throw invalidField(survey.at, "is given twice");
  seen.add(slot);
  if (field.fieldKind === "list") surveyItems(field, reader, wireType, survey);
  else if (field.fieldKind === "map") surveyEntry(field, bytesOf(reader, wireType), keys, survey);
  else surveyValue(field, reader, wireType, survey);
}

function surveyValue(field: DescField, reader: BinaryReader, wireType: WireType, survey: Survey): void {
  if (field.message !== undefined) surveyMessage(field.message, bytesOf(reader, wireType), survey);
  else if (field.scalar === ScalarType.STRING) textOf(reader, wireType, survey);
  else if (field.enum?.typeName === nullType) refuseOtherNull(reader, wireType);
  else if (wireType === wireTypeOf(field.scalar)) skip(reader, wireType);
  else throw new Error("wrong wire type");
}

/** The decoder takes any number as null, which JSON cannot express: only 0 is allowed. */
function refuseOtherNull(reader: BinaryReader, wireType: WireType): void {
  if (wireType !== WireType.Varint || reader.uint32() !== 0) throw new Error("no null");
}

function surveyItems(field: DescField & { fieldKind: "list" }, reader: BinaryReader, wireType: WireType, survey: Survey): void {
  const itemType = field.listKind === "message" ? WireType.LengthDelimited : wireTypeOf(field.scalar);
  if (wireType === itemType) surveyValue(field, reader, wireType, survey);
  else surveyPacked(bytesOf(reader, wireType), itemType, survey);
}

function surveyPacked(bytes: Uint8Array, itemType: WireType, survey: Survey): void {
  const items = new BinaryReader(bytes);
  while (items.pos < items.len) {
    survey.budget.spend(survey.at);
    skip(items, itemType);
  }
}

function surveyEntry(field: DescField & { fieldKind: "map" }, bytes: Uint8Array, keys: Set<string>, survey: Survey): void {
  const entry = new BinaryReader(bytes);
  const seen = new Set<number>();
  while (entry.pos < entry.len) {
    const [number, wireType] = entry.tag();
    survey.budget.spend(survey.at);
    if (seen.has(number)) throw new Error("a key or value twice");
    seen.add(number);
    if (number === 2) surveyValue(field, entry, wireType, survey);
    else if (number === 1 && field.mapKey === ScalarType.STRING) surveyKey(textOf(entry, wireType, survey), keys, survey);
    else throw new Error("no key and no value");
  }
  if (!seen.has(2) && field.message !== undefined) surveyMessage(field.message, new Uint8Array(), survey);
}

function surveyKey(bytes: Uint8Array, keys: Set<string>, survey: Survey): void {
  const key = Buffer.from(bytes).toString();
  if (key === refusedKey) refuseKey(survey.at);
  if (keys.has(key)) throw new Error("a key twice");
  keys.add(key);
}

const markBytes = [...Buffer.from(byteOrderMark)];
const nullType = "google.protobuf.NullValue";

function textOf(reader: BinaryReader, wireType: WireType, survey: Survey): Uint8Array {
  const bytes = bytesOf(reader, wireType);
  if (!isUtf8(bytes)) throw invalidField(survey.at, "must be valid Unicode");
  if (markBytes.every((byte, index) => bytes[index] === byte)) refuseByteOrderMark(survey.at);
  return bytes;
}

function bytesOf(reader: BinaryReader, wireType: WireType): Uint8Array {
  if (wireType !== WireType.LengthDelimited) throw new Error("wrong wire type");
  return reader.bytes();
}

/** Groups are refused: no message here has one, and the library skips them by recursion. */
function skip(reader: BinaryReader, wireType: WireType): void {
  if (wireType === WireType.StartGroup || wireType === WireType.EndGroup) throw new Error("a group");
  reader.skip(wireType);
}

/** `scalar` undefined: an enum. */
function wireTypeOf(scalar: ScalarType | undefined): WireType {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}
