import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A field whose content is bytes, a text or other fields. */
export function bytesField(number: number, ...content: readonly (Uint8Array | string)[]): Uint8Array {
  const bytes = Buffer.concat(content.map((part) => Buffer.from(part as Uint8Array)));
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish();
}

export function numberField(number: number, value: number): Uint8Array {
  return new BinaryWriter().tag(number, WireType.Varint).int32(value).finish();
}

function doubleField(number: number, value: number): Uint8Array {
  return new BinaryWriter().tag(number, WireType.Bit64).double(value).finish();
}

/** The members of google.protobuf.Value, Struct and ListValue, as bytes that need not be a sensible message. */
export const wire = {
  nullValue: numberField(1, 0),
  number: (value: number) => doubleField(2, value),
  text: (value: Uint8Array | string) => bytesField(3, value),
  struct: (...entries: readonly Uint8Array[]) => bytesField(5, ...entries),
  list: (...values: readonly Uint8Array[]) => bytesField(6, ...values.map((value) => bytesField(1, value))),
  entry: (key: Uint8Array | string, value: Uint8Array) => bytesField(1, bytesField(1, key), bytesField(2, value)),
};

export function times(count: number, part: Uint8Array): Uint8Array {
  return Buffer.concat(Array.from({ length: count }, () => part));
}
