import { BinaryReader } from "@bufbuild/protobuf/wire";
import { afterEach, describe, expect, it, vi } from "vitest";
import { UpdatePolicyRequestSchema } from "../../src/gen/latchkey/v1/app_service_pb.js";
import {
  RegisterUserRequestSchema,
  SendOtpRequestSchema,
  UpdateCurrentUserRequestSchema,
  VerifyOtpRequestSchema,
} from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { PutProviderRequestSchema } from "../../src/gen/latchkey/v1/delivery_service_pb.js";
import { decode } from "../../src/rpc/decode.js";
import { requestMaxBytes } from "../../src/rpc/raw-request.js";
import { bytesField, numberField, times, wire } from "../support/wire.js";

const utf8 = (text: string) => new TextEncoder().encode(text);
const { nullValue, number, text, struct, list, entry } = wire;
const attributes = (...entries: readonly Uint8Array[]) => bytesField(7, ...entries);
const nested = (depth: number): Uint8Array => (depth === 0 ? nullValue : list(nested(depth - 1)));

function refusalOf(format: "binary" | "json", bytes: Uint8Array, schema = RegisterUserRequestSchema) {
  try {
    decode(schema, { format, bytes });
  } catch (error) {
    return error as { name: string; reason?: string; violations?: readonly { field: string; description: string }[] };
  }
  throw new Error("the message was not refused");
}

const tooMany = { field: "", description: "has too many values" };
const protoKey = { field: "custom_attributes", description: "must not have the key __proto__" };
const twice = { field: "custom_attributes", description: "is given twice" };
const mark = { field: "custom_attributes", description: "must not have a text that begins with a byte order mark" };
const notUnicode = { field: "custom_attributes", description: "must be valid Unicode" };
const malformed = { field: "" };

afterEach(() => void vi.restoreAllMocks());

describe("a binary request", () => {
  it.each([
    { what: "30,000 packed values", bytes: bytesField(6, Buffer.alloc(30_000)), at: "verification_sources" },
    { what: "15,000 unpacked values", bytes: times(15_000, numberField(6, 1)), at: "verification_sources" },
    { what: "4,000 lists in one", bytes: attributes(entry("a", list(...Array(4_000).fill(list())))), at: "custom_attributes" },
    {
      what: "2,000 keys",
      bytes: attributes(...Array.from({ length: 2_000 }, (_, n) => entry(`${n}`, nullValue))),
      at: "custom_attributes",
    },
    { what: "5,000 list items", bytes: attributes(entry("a", list(...Array(5_000).fill(nullValue)))), at: "custom_attributes" },
    { what: "10,000 unknown fields", bytes: times(10_000, numberField(15, 1)), at: "" },
  ])("with $what is refused before it is decoded, after a bounded look", ({ bytes, at }) => {
    const skipped = vi.spyOn(BinaryReader.prototype, "skip");
    const decoded = [vi.spyOn(BinaryReader.prototype, "int32"), vi.spyOn(BinaryReader.prototype, "string")];
    expect(refusalOf("binary", bytes)).toMatchObject({
      reason: "REQUEST_INVALID",
      violations: [{ field: at, description: "has too many values" }],
    });
    expect(skipped.mock.calls.length).toBeLessThanOrEqual(680);
    for (const reading of decoded) expect(reading).not.toHaveBeenCalled();
  });

  it.each([
    { what: "attributes twice, which decoders merge in quadratic time", bytes: times(2, attributes()), violation: twice },
    { what: "the key __proto__", bytes: attributes(entry("__proto__", nullValue)), violation: protoKey },
    {
      what: "the key __proto__ behind a byte order mark, which decoders drop",
      bytes: attributes(entry("\ufeff__proto__", nullValue)),
      violation: mark,
    },
    {
      what: "a text that begins with a byte order mark, which decoders drop",
      bytes: attributes(entry("a", text("\ufeffb"))),
      violation: mark,
    },
    { what: "a key twice", bytes: attributes(entry("a", nullValue), entry("a", nullValue)), violation: malformed },
    { what: "a null that is not 0", bytes: attributes(entry("a", numberField(1, 5))), violation: malformed },
    {
      what: "the key __proto__ whose length has more bytes than it needs",
      bytes: attributes(bytesField(1, Buffer.from([0x0a, 0x89, 0x00]), "__proto__")),
      violation: protoKey,
    },
    {
      what: "the key __proto__ deep inside",
      bytes: attributes(entry("a", list(struct(entry("__proto__", nullValue))))),
      violation: protoKey,
    },
    {
      what: "a value without a kind, which would become null",
      bytes: attributes(entry("a", new Uint8Array())),
      violation: { field: "custom_attributes", description: "has a value without a kind" },
    },
    {
      what: "a key without a value",
      bytes: attributes(bytesField(1, bytesField(1, "a"))),
      violation: { field: "custom_attributes", description: "has a value without a kind" },
    },
    { what: "lists 200 deep", bytes: attributes(entry("a", nested(200))), violation: malformed },
    {
      what: "a text that is not UTF-8",
      bytes: attributes(entry("a", text(Buffer.from([0xed, 0xa0, 0x80])))),
      violation: notUnicode,
    },
    { what: "a key that is not UTF-8", bytes: attributes(entry(Buffer.from([0xff]), nullValue)), violation: notUnicode },
    {
      what: "15,000 empty map entries",
      bytes: attributes(times(15_000, bytesField(1))),
      violation: { field: "custom_attributes", description: "has a value without a kind" },
    },
    { what: "a group", bytes: Buffer.from([0x7b, 0x7c]), violation: malformed },
    { what: "a text with the type of a number", bytes: Buffer.from([0x08, 0x01, 0x61]), violation: malformed },
    { what: "a length beyond its parent", bytes: Buffer.from([0x3a, 0x02, 0x0a, 0x02, 0x0a, 0x00]), violation: malformed },
    { what: "a map entry with a third field", bytes: attributes(bytesField(1, numberField(3, 1))), violation: malformed },
  ])("with $what is refused", ({ bytes, violation }) => {
    const refusal = refusalOf("binary", bytes);
    expect(refusal).toMatchObject({ reason: "REQUEST_INVALID", violations: [violation] });
  });

  it("that names two addressees is refused, as in JSON", () => {
    const bytes = Buffer.concat([bytesField(1, "a@example.com"), bytesField(3, "ada")]);
    expect(refusalOf("binary", bytes, SendOtpRequestSchema as never)).toMatchObject({ violations: [{ field: "username" }] });
  });

  it("with all that is allowed is read", () => {
    const values = list(...Array.from({ length: 192 }, (_, n) => number(n)));
    const entries = Array.from({ length: 64 }, (_, n) => entry(`key ${n}`, n === 0 ? values : text("x")));
    const bytes = Buffer.concat([
      bytesField(2, "a@example.com"),
      numberField(6, 1),
      numberField(99, 1),
      attributes(...entries),
    ]);
    const { customAttributes, verificationSources } = decode(RegisterUserRequestSchema, { format: "binary", bytes }) as never;
    expect(Object.keys(customAttributes)).toHaveLength(64);
    expect(verificationSources).toEqual([1]);
  });
});

describe("a JSON request", () => {
  const withAttributes = (json: string) => utf8(`{"email":"a@example.com","customAttributes":${json}}`);

  it.each([
    { what: "10,000 list items", json: `{"a":[${"0,".repeat(9_999)}0]}`, violation: tooMany },
    {
      what: "3,000 keys",
      json: JSON.stringify(Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [n, 1]))),
      violation: tooMany,
    },
    { what: "lists 10,000 deep", json: `{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`, violation: tooMany },
    { what: "lists 200 deep", json: `{"a":${"[".repeat(200)}${"]".repeat(200)}}`, violation: malformed },
    { what: "the key __proto__", json: '{"__proto__":{"a":1}}', violation: protoKey },
    { what: "the key __proto__ by an escape", json: '{"a":[{"\\u005f_proto__":1}]}', violation: protoKey },
    { what: "a key twice", json: '{"a":1,"\\u0061":2}', violation: malformed },
    { what: "a key that begins with a byte order mark", json: '{"\\ufeffa":1}', violation: mark },
    { what: "a text that begins with a byte order mark", json: '{"a":["\\ufeffb"]}', violation: mark },
  ])("with $what is refused", ({ json, violation }) => {
    expect(refusalOf("json", withAttributes(json))).toMatchObject({ reason: "REQUEST_INVALID", violations: [violation] });
  });

  it("with too many values is refused before it is parsed", () => {
    const parsed = vi.spyOn(JSON, "parse");
    expect(refusalOf("json", withAttributes(`[${"0,".repeat(9_999)}0]`))).toMatchObject({ violations: [tooMany] });
    expect(parsed).not.toHaveBeenCalled();
  });

  it("with all that is allowed is read, however its texts look", () => {
    const text = '"[{,\\\\\\"'.slice(0, -1).repeat(500);
    const attributes = { a: Array(255).fill([]), b: text };
    const message = decode(RegisterUserRequestSchema, { format: "json", bytes: withAttributes(JSON.stringify(attributes)) });
    expect((message as never as { customAttributes: object }).customAttributes).toEqual(attributes);
  });

  it.each([
    { what: "that is not UTF-8", bytes: Buffer.from('{"displayName":"\xff"}', "latin1") },
    { what: "with half of a surrogate pair as bytes", bytes: Buffer.from('{"displayName":"\xed\xa0\x80"}', "latin1") },
  ])("$what is refused, not mended", ({ bytes }) => {
    expect(refusalOf("json", bytes)).toMatchObject({ violations: [malformed] });
  });

  it.each([
    ['"policy":{"tokenAttributes":["tier"]}', "token_attributes"],
    ['"policy":{"codeLength":8,"channels":["CHANNEL_SMS"]}', "channels"],
    ['"policy":{"code_ttl":"300s","accessTokenTtl":300}', "access_token_ttl"],
    ['"policy":{"channels":{"channels":["CHANNEL_SMS"]},"defaultChannel":"FAX"}', "default_channel"],
    ['"policy":{"channels":{"channels":["CHANNEL_SMS","FAX"]}}', "channels"],
    ['"policy":"strict"', "policy"],
    ['"updateMask":["codeTtl"]', "update_mask"],
  ])("with a value of the wrong form names its field: %s", (json, field) => {
    const refusal = refusalOf("json", utf8(`{"appId":"shop",${json}}`), UpdatePolicyRequestSchema as never);
    expect(refusal).toMatchObject({
      reason: "REQUEST_INVALID",
      violations: [{ field, description: "has a value of the wrong type or form: see the field in the API reference" }],
    });
  });

  it("names the key __proto__ by the field's proto name, whichever name the caller used", () => {
    for (const name of ["customAttributes", "custom_attributes"]) {
      expect(refusalOf("json", utf8(`{"${name}":{"__proto__":1}}`))).toMatchObject({ violations: [protoKey] });
    }
  });
});

describe("the size of a request", () => {
  it("is bounded by what its method can need: 32 KiB with custom attributes or a long text, 8 KiB without", () => {
    expect(requestMaxBytes(RegisterUserRequestSchema)).toBe(32 * 1024);
    expect(requestMaxBytes(UpdateCurrentUserRequestSchema)).toBe(32 * 1024);
    expect(requestMaxBytes(PutProviderRequestSchema)).toBe(32 * 1024);
    expect(requestMaxBytes(SendOtpRequestSchema)).toBe(32 * 1024);
    expect(requestMaxBytes(VerifyOtpRequestSchema)).toBe(8 * 1024);
  });

  it.each(["binary", "json"] as const)("is looked at before anything else in %s", (format) => {
    const looked = vi.spyOn(BinaryReader.prototype, "tag");
    const parsed = vi.spyOn(JSON, "parse");
    expect(refusalOf(format, Buffer.alloc(32 * 1024 + 1))).toMatchObject({ name: "RequestTooLargeError" });
    expect(looked).not.toHaveBeenCalled();
    expect(parsed).not.toHaveBeenCalled();
  });
});
