import { create, type DescField, type DescMessage, type MessageInitShape, toBinary, toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { type RawDoor, rawDoors } from "../doors/raw-doors.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { addBackend } from "../support/backend.js";
import { bearer, signIn } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { bytesField, wire } from "../support/wire.js";

const { method } = AuthService;
const email = "owner@example.com";
const surrogate = Buffer.from([0xed, 0xa0, 0x80]);

/** A good request of every method that takes text. */
const good = {
  RegisterUser: { email: "new@example.com" },
  SendOtp: { identifier: { case: "email", value: "new@example.com" } },
  VerifyOtp: { challengeId: "AAAAAAAAAAAAAAAAAAAAAA", code: "123456" },
  GetChallenge: { challengeId: "AAAAAAAAAAAAAAAAAAAAAA" },
  CancelChallenge: { challengeId: "AAAAAAAAAAAAAAAAAAAAAA" },
  ApproveChallenge: { challengeId: "AAAAAAAAAAAAAAAAAAAAAA" },
  RefreshToken: { refreshToken: "garbage" },
  RevokeToken: { token: "garbage" },
  UpdateCurrentUser: { displayName: "changed", updateMask: { paths: ["display_name"] } },
  StartContactChange: { contact: { case: "email", value: "new@example.com" } },
  RevokeSession: { sessionId: "none" },
} satisfies Readonly<Record<string, object>>;

const texts = AuthService.methods.flatMap(({ name, input }) =>
  input.fields.filter(({ scalar }) => scalar === 9).map((field) => ({ name: name as keyof typeof good, input, field })),
);

const badTexts = [
  { what: "NUL", json: "a\0b", binary: Buffer.from("a\0b") },
  { what: "an escape character", json: "a\u001bb", binary: Buffer.from("a\u001bb") },
  { what: "a C1 control character", json: "a\u009bb", binary: Buffer.from("a\u009bb") },
  { what: "half of a surrogate pair", json: "a\ud800b", binary: Buffer.concat([Buffer.from("a"), surrogate]) },
];

/** The good request with one field of it, or one more, set to a bad text. */
function withText(
  format: RawDoor["format"],
  { name, input, field }: (typeof texts)[number],
  bad: (typeof badTexts)[number],
): Uint8Array {
  const rest = without(good[name], field) as MessageInitShape<DescMessage>;
  if (format === "binary") return Buffer.concat([toBinary(input, create(input, rest)), bytesField(field.number, bad.binary)]);
  return Buffer.from(JSON.stringify({ ...(toJson(input, create(input, rest)) as object), [field.jsonName]: bad.json }));
}

function without(request: object, field: DescField): object {
  const left = field.oneof === undefined ? field.localName : field.oneof.localName;
  return Object.fromEntries(Object.entries(request).filter(([key]) => key !== left));
}

const { nullValue, number, text, list, struct, entry } = wire;
const protoKey = "must not have the key __proto__";
const badAttributes = [
  {
    what: "NUL in a text",
    json: '{"a":"\\u0000"}',
    binary: entry("a", text("\0")),
    description: "must not have a NUL character",
  },
  { what: "NUL in a key", json: '{"\\u0000":1}', binary: entry("\0", number(1)), description: "must not have a NUL character" },
  {
    what: "half of a pair in a text",
    json: '{"a":["\\ud800"]}',
    binary: entry("a", list(text(surrogate))),
    description: "must be valid Unicode",
  },
  {
    what: "half of a pair in a key",
    json: '{"\\udc00":1}',
    binary: entry(surrogate, number(1)),
    description: "must be valid Unicode",
  },
  { what: "the key __proto__", json: '{"__proto__":{"a":1}}', binary: entry("__proto__", struct()), description: protoKey },
  {
    what: "the key __proto__ inside",
    json: '{"a":[{"__proto__":1}]}',
    binary: entry("a", list(struct(entry("__proto__", number(1))))),
    description: protoKey,
  },
  {
    what: "infinity",
    json: '{"a":1e999}',
    binary: entry("a", number(Number.POSITIVE_INFINITY)),
    description: "must not have a number that is not finite",
  },
  {
    what: "minus infinity",
    json: '{"a":[-1e999]}',
    binary: entry("a", list(number(Number.NEGATIVE_INFINITY))),
    description: "must not have a number that is not finite",
  },
  {
    what: "no number",
    json: null,
    binary: entry("a", number(Number.NaN)),
    description: "must not have a number that is not finite",
  },
  {
    what: "65 keys",
    json: JSON.stringify(Object.fromEntries(numbered(65))),
    binary: Buffer.concat(numbered(65).map(([key]) => entry(key, nullValue))),
    description: "must not have more than 64 keys",
  },
  {
    what: "257 values",
    json: `{"a":[${Array(256).fill("null").join()}]}`,
    binary: entry("a", list(...Array(256).fill(nullValue))),
    description: "must not have more than 256 values",
  },
];

function numbered(count: number): [string, null][] {
  return Array.from({ length: count }, (_, n) => [`key ${n}`, null]);
}

/** RegisterUser and UpdateCurrentUser with custom attributes that are given as bytes. */
function withAttributes(
  format: RawDoor["format"],
  update: boolean,
  { json, binary }: (typeof badAttributes)[number],
): Uint8Array | null {
  const desc = update ? method.updateCurrentUser.input : method.registerUser.input;
  const rest = update ? { updateMask: { paths: ["custom_attributes"] } } : { email: "new@example.com" };
  const message = create(desc, rest as never);
  if (format === "binary") return Buffer.concat([toBinary(desc, message), bytesField(update ? 3 : 7, binary)]);
  if (json === null) return null;
  return Buffer.from(JSON.stringify(toJson(desc, message)).replace(/\}$/, `,"customAttributes":${json}}`));
}

describe.each(testEngines())("text that not every part can hold, on $engine", ({ database }) => {
  let on: TestApp;
  let target: { readonly grpcAddress: string; readonly webUrl: string };
  let headers: Readonly<Record<string, string>>;
  let asBackend: Readonly<Record<string, string>>;
  beforeAll(async () => {
    on = await startTestApp(await database());
    target = { grpcAddress: `127.0.0.1:${on.app.grpcPort}`, webUrl: `http://127.0.0.1:${on.app.httpPort}` };
    const { tokens } = await signIn(on, email);
    ({ headers } = bearer(tokens.accessToken));
    asBackend = await addBackend(on, { clientId: "backend", scopes: ["otp:manage"] });
  });
  afterAll(() => on.stop());

  async function nothingHappened(): Promise<void> {
    const { user } = await on.auth.getCurrentUser({}, { headers });
    expect([user?.displayName, user?.customAttributes, user?.username]).toEqual(["", undefined, ""]);
    expect(await on.messages(email)).toHaveLength(1);
    const sent = (await (await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages`)).json()) as unknown[];
    expect(sent).toHaveLength(1);
    expect(on.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  }

  describe.each(Object.entries(rawDoors))("over %s", (_name, door) => {
    it.each(badTexts)("every text field with $what is refused by its name, and nothing happens", async (bad) => {
      for (const one of texts) {
        const path = `/latchkey.v1.AuthService/${one.name}`;
        const credentials = one.name.endsWith("Challenge") ? asBackend : headers;
        const reply = await door.post(target, path, withText(door.format, one, bad), credentials);
        expect(reply, `${one.name}.${one.field.name}`).toMatchObject({ code: 3, reason: "REQUEST_INVALID" });
        expect(reply.violations.map(({ field }) => field)).toEqual([one.field.name]);
      }
      await nothingHappened();
    });

    it.each(badAttributes)("custom attributes with $what are refused with the same words, and nothing happens", async (bad) => {
      for (const update of [false, true]) {
        const message = withAttributes(door.format, update, bad);
        if (message === null) continue;
        const path = `/latchkey.v1.AuthService/${update ? "UpdateCurrentUser" : "RegisterUser"}`;
        expect(await door.post(target, path, message, headers)).toEqual({
          code: 3,
          reason: "REQUEST_INVALID",
          violations: [{ field: "custom_attributes", description: bad.description }],
        });
      }
      await nothingHappened();
    });
  });
});
