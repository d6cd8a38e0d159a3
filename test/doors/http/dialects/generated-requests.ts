import type { OpenApi, Operation, Schema } from "./openapi.js";
import { createRandom, type Random } from "./random.js";

/** A request as it goes over the wire. */
export interface GeneratedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: none. */
  readonly body: Buffer | undefined;
  /** The phone number and the e-mail address that no other request has, and the one number among the hostile texts. */
  readonly contacts: readonly string[];
}

export interface GeneratorOptions {
  readonly description: OpenApi;
  /** The `authorization` headers that work. */
  readonly credentials: readonly string[];
  /** The paths whose bodies are forms. */
  readonly forms: RegExp;
  /** Values of fields, instead of those that their names suggest. */
  readonly values: Readonly<Record<string, string | number>>;
}

type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value };

const uuid = "3fa85f64-5717-4562-b3fc-2c963f66afa6";

/** Texts that trip parsers, patterns and databases. */
const hostileTexts: readonly string[] = [
  "",
  " ",
  "\u0000",
  "\ud800",
  "\udc00\ud800",
  "\ufeff",
  "\u202egnp.exe",
  "e\u0301\u0301\u0301",
  "😀".repeat(40),
  "٣٣٣٣٣٣",
  "+",
  "+15005550006 ",
  " 15005550006",
  "%00",
  "%ff%fe",
  "../../etc/passwd",
  "'; DROP TABLE users; --",
  "{{constructor.constructor('return 1')()}}",
  "{otp}{app}{minutes}",
  "a\r\nset-cookie: x=y",
  "__proto__",
  "constructor",
  "toString",
  "null",
  "NaN",
  "1e400",
  "x".repeat(200),
  "x".repeat(5_000),
  "9".repeat(400),
];

const wrongValues: readonly Value[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1.5,
  1e308,
  2 ** 70,
  [],
  {},
  [[]],
  [null],
  ["x"],
  { a: {} },
];

const contentTypes: readonly string[] = [
  "text/plain",
  "text/xml",
  "application/xml",
  "application/json; charset=utf-16",
  "application/jsonx",
  "application/json, text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/octet-stream",
  "json",
  "/",
  ";",
];

const oddHeaders: readonly (readonly [name: string, value: string])[] = [
  ["authorization", "Bearer"],
  ["authorization", "Bearer a.b.c"],
  ["authorization", `Bearer ${"x".repeat(4_000)}`],
  ["authorization", "Basic %%%"],
  ["authorization", `Basic ${Buffer.from("no colon").toString("base64")}`],
  ["authorization", `Basic ${Buffer.from(":\u0000:\ud800").toString("base64")}`],
  ["authorization", "Digest x"],
  ["authorization", "\u00ff"],
  ["x-latchkey-client", "nobody"],
  ["x-latchkey-client", "default-admin"],
  ["x-latchkey-client", "\u00e9"],
  ["x-latchkey-end-user-ip", "256.1.1.1"],
  ["x-latchkey-end-user-ip", "203.0.113.1, 203.0.113.2"],
  ["x-forwarded-for", "a, b, c"],
  ["origin", "https://evil.example.com"],
  ["origin", "null"],
  ["sec-fetch-site", "cross-site"],
  ["host", "evil.example.com"],
  ["host", "[::1"],
  ["cookie", "qt-auth=x; qt-auth=y"],
  ["cookie", `qt-auth=lkc_${"A".repeat(43)}`],
  ["x-qt-auth", `lkc_${"A".repeat(43)}`],
  ["x-qt-auth", "\u00ff"],
  ["apikey", "x".repeat(2_000)],
  ["x-supabase-api-version", "2024-01-01"],
  ["x-supabase-api-version", "\u00ff"],
  ["x-correlator", "a b"],
  ["x-correlator", "x".repeat(300)],
  ["traceparent", "00-zz"],
  ["content-encoding", "gzip"],
  ["content-encoding", "identity"],
  ["accept", "text/html;q=x"],
  ["accept-language", "\u00ff;;"],
  ["x-http-method-override", "DELETE"],
  ["connect-timeout-ms", "0"],
];

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** Makes the requests of a dialect from its description: valid ones with some things changed. One seed always makes the same ones. */
export function createGenerator(options: GeneratorOptions, seed: number): () => GeneratedRequest {
  const random = createRandom(seed);
  const operations = operationsOf(options.description);
  const ids: string[] = [uuid];
  let count = 0;
  return () => {
    count += 1;
    return generate(options, { random, operation: random.pick(operations), ids, count });
  };
}

interface Named extends Operation {
  readonly path: string;
  readonly method: string;
}

function operationsOf({ paths }: OpenApi): readonly Named[] {
  return Object.entries(paths).flatMap(([path, byMethod]) =>
    Object.entries(byMethod).map(([method, operation]) => ({ ...operation, path, method: method.toUpperCase() })),
  );
}

interface Making {
  readonly random: Random;
  readonly operation: Named;
  readonly ids: readonly string[];
  readonly count: number;
}

function generate({ credentials, forms, values }: GeneratorOptions, making: Making): GeneratedRequest {
  const { random, operation, count } = making;
  // Far from one another, because numbers that differ in their last digits share a budget.
  const phone = `+49151${String((count * 7_368_787) % 100_000_000).padStart(8, "0")}`;
  const email = `u${count}@example.com`;
  const sampler = createSampler(random, { phone, email, values });
  const isForm = forms.test(operation.path);
  const headers: Record<string, string> = {};
  if (random.chance(0.85) && credentials.length > 0) headers.authorization = random.pick(credentials);
  if (random.chance(0.15)) {
    const [name, value] = random.pick(oddHeaders);
    headers[name] = Buffer.from(value)
      .toString("latin1")
      .replace(/[\0\r\n]/g, "");
  }
  const method = random.chance(0.06) ? random.pick(methods) : operation.method;
  const path = pathOf(random, operation, sampler);
  const body = method === "GET" && random.chance(0.9) ? undefined : bodyOf(random, { operation, sampler, isForm });
  if (body !== undefined) {
    const type = isForm ? "application/x-www-form-urlencoded" : "application/json";
    headers["content-type"] = random.chance(0.07) ? random.pick(contentTypes) : type;
    if (random.chance(0.02)) delete headers["content-type"];
  }
  return { method, path, headers, body, contacts: [phone, email, "+15005550006"] };
}

type Sampler = (name: string, schema: Schema | undefined) => Value;

/** Returns a function that makes a value which a schema allows, by the name of its field. */
function createSampler(
  random: Random,
  { phone, email, values }: { readonly phone: string; readonly email: string } & Pick<GeneratorOptions, "values">,
): Sampler {
  function text(name: string): string {
    if (/grant_type/i.test(name)) return random.pick(["client_credentials", "refresh_token"]);
    if (/mail/i.test(name)) return email;
    if (/msisdn/i.test(name)) return phone.slice(1);
    if (/phone|number$|^to$/i.test(name)) return phone;
    if (/^identifier|value$|username|contact/i.test(name)) return random.pick([phone, email]);
    if (/message|text/i.test(name)) return random.pick(["{{code}} is your code", "{{code}}", "{app}: {otp}", "Hello"]);
    if (/code|otp|pin$|passcode/i.test(name)) return String(random.below(1_000_000)).padStart(6, "0");
    if (/id$|sid$/i.test(name)) return uuid;
    return random.pick(["x", "en", "Ada", "sms", "email", uuid]);
  }
  const sample: Sampler = (name, schema) => {
    if (Object.hasOwn(values, name)) return values[name]!;
    if (schema === undefined) return text(name);
    if (schema.const !== undefined) return schema.const as Value;
    if (schema.enum !== undefined) return random.pick(schema.enum) as Value;
    const options = schema.anyOf ?? schema.oneOf;
    if (options !== undefined) return sample(name, random.pick(options));
    const type = Array.isArray(schema.type) ? random.pick(schema.type) : schema.type;
    switch (type) {
      case "object":
        return Object.fromEntries(
          Object.entries(schema.properties ?? {})
            .filter(([property]) => schema.required?.includes(property) || random.chance(0.4))
            .map(([property, inner]) => [property, sample(property, inner)]),
        );
      case "array":
        return [sample(name, schema.items)];
      case "integer":
      case "number":
        return schema.minimum ?? random.below(10);
      case "boolean":
        return random.chance(0.5);
      case "null":
        return null;
      default:
        return text(name);
    }
  };
  return sample;
}

const badSegments = [
  "%zz",
  "%",
  "%ff",
  "%00",
  "%2e%2e",
  "..",
  "",
  "x".repeat(101),
  "y".repeat(3_000),
  "%c3%a6%f0%9f%98%80",
  "%C3%A6",
  "a%2Fb",
  "+15005550006",
];

function pathOf(random: Random, { path, parameters = [] }: Named, sample: Sampler): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    if (random.chance(0.4)) return random.pick(badSegments);
    const value = String(sample(name, undefined));
    // Clients send the sign as it is.
    return random.chance(0.5) ? value.replaceAll(" ", "") : encodeURIComponent(value);
  });
  const asked = parameters.filter(({ in: place }) => place === "query");
  const query = asked.map(({ name }) => {
    const value = random.chance(0.3) ? random.pick(hostileTexts) : String(sample(name, undefined));
    return `${name}=${encoded(value)}`;
  });
  if (random.chance(0.05))
    query.push(random.pick(["__proto__=x", "a[b]=c", "%zz", "=", "&&&", "x=%ff", `q=${"x".repeat(2_000)}`]));
  if (random.chance(0.05)) query.push(query[0] ?? "a=b");
  const tail = random.chance(0.04) ? random.pick(["/", "//", "/x", "/%zz", "/%c3%a6", ";x", "/.", "/..%2f"]) : "";
  return filled + tail + (query.length > 0 ? `?${query.join("&")}` : "");
}

/** A URL can't hold a half of a surrogate pair. */
function encoded(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\ufffd"));
}

interface BodyInput {
  readonly operation: Named;
  readonly sampler: Sampler;
  readonly isForm: boolean;
}

function bodyOf(random: Random, { operation, sampler, isForm }: BodyInput): Buffer | undefined {
  const [content] = Object.values(operation.requestBody?.content ?? {});
  const valid = sampler("", content?.schema ?? { type: "object" });
  const fields = typeof valid === "object" && valid !== null && !Array.isArray(valid) ? { ...(valid as object) } : {};
  const changed: Record<string, Value> = { ...fields };
  const names = Object.keys(content?.schema?.properties ?? {});
  const changes = random.pick([0, 0, 1, 1, 1, 2, 3]);
  for (let n = 0; n < changes; n += 1) changeField(random, changed, names);
  if (isForm) return mangle(random, Buffer.from(formOf(random, changed)));
  const text = random.chance(0.12) ? hostileJson(random, changed) : JSON.stringify(changed);
  if (random.chance(0.02)) return undefined;
  return mangle(random, Buffer.from(text));
}

function changeField(random: Random, fields: Record<string, Value>, names: readonly string[]): void {
  const name = random.pick(names.length > 0 ? names : ["x"]);
  const kind = random.below(5);
  if (kind === 0) delete fields[name];
  else if (kind === 1) fields[name] = random.pick(wrongValues);
  else if (kind === 2) fields[name] = random.pick(hostileTexts);
  else if (kind === 3)
    fields[random.pick(["constructor", "prototype", "toString", "more", "", "é"])] = random.pick(wrongValues);
  else fields[name] = { [random.pick(["__proto__", "$ne", "a"])]: random.pick(wrongValues) };
}

/** A text that no serializer makes. */
function hostileJson(random: Random, fields: Readonly<Record<string, Value>>): string {
  const text = JSON.stringify(fields);
  const [name = "x"] = Object.keys(fields);
  const key = JSON.stringify(name);
  const rest = text === "{}" ? "}" : `,${text.slice(1)}`;
  const deep = random.pick([50, 1_000, 15_000]);
  return random.pick([
    () => `{"__proto__":${text}${rest}`,
    () => `{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}${rest}`,
    () => `{${key}:1${rest}`,
    () => `{${key}:${text}${rest}`,
    () => `{"\\u005f_proto__":1${rest}`,
    () => `{"x":${"[".repeat(deep)}${"]".repeat(deep)}${rest}`,
    () => `{${key}:${'{"a":'.repeat(Math.min(deep, 5_000))}1${"}".repeat(Math.min(deep, 5_000))}}`,
    () => `{${key}:"\\ud800"${rest}`,
    () => `{${key}:1e999${rest}`,
    () => `{${key}:-0${rest}`,
    () => `{${key}:12345678901234567890${rest}`,
    () => text.slice(0, random.below(text.length)),
    () => `\ufeff${text}`,
    () => `${text}${text}`,
    () => `[${text}]`,
    () => JSON.stringify(text),
    () => "null",
    () => "0",
    () => " ",
    () => `{"x":"${"y".repeat(70_000)}"}`,
  ])();
}

function formOf(random: Random, fields: Readonly<Record<string, Value>>): string {
  const pairs = Object.entries(fields).map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    // Clients that do not encode the sign.
    return random.chance(0.1) ? `${name}=${text}` : `${encodeURIComponent(name)}=${encoded(text)}`;
  });
  if (random.chance(0.06)) pairs.push(pairs[0] ?? "a=b");
  if (random.chance(0.06))
    pairs.push(random.pick(["__proto__=x", "%zz=%zz", "=", "a[]=b", "constructor=x", `x=${"y".repeat(70_000)}`]));
  return pairs.join("&");
}

/** Puts bytes into a body that are no UTF-8, seldom. */
function mangle(random: Random, body: Buffer): Buffer {
  if (!random.chance(0.03) || body.length === 0) return body;
  const at = random.below(body.length);
  return Buffer.concat([body.subarray(0, at), Buffer.from([random.pick([0xff, 0xc0, 0xed, 0x00])]), body.subarray(at)]);
}
