import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readGateway } from "../../../src/config/providers/gateway/read-gateway.js";
import { writeRequest } from "../../../src/delivery/gateway/write-request.js";
import { createHttpGatewayProvider } from "../../../src/delivery/providers/http-gateway.js";
import type { GatewayVariable } from "../../../src/model/gateway.js";
import { code, message } from "../fixtures.js";
import { startCarrier } from "../providers/carrier-server.js";

const context = { isProduction: false, allowsHttp: true, readText: () => "", readEnv: () => "se\"cr&et<='>" };
const all = ["to", "to_digits", "text", "code", "from", "reference", "report_url", "locale"] as const;

function gateway(request: object, url = "https://api.example.com/send") {
  return readGateway(
    JSON.stringify({
      channels: ["sms"],
      from: "Latchkey",
      secrets: { key: { env: "KEY" } },
      request: { url, ...request },
      success: {},
      reports: {
        authentication: { type: "header", header: "x-key", value: "a key of sixteen" },
        message_id: "/id",
        status: "/status",
        statuses: {},
      },
    }),
    context,
  );
}

/** What ends a value somewhere, or starts another. */
const evil = [
  "\r\nX-Evil: 1\r\n\r\nbody",
  "&to=%2B14155550199",
  '","to":"+14155550199',
  "\u0000",
  "]]></text><to>+14155550199</to>",
  "&amp;&#10;<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
  "{to}{secrets.key}{{",
  "../../admin?x=1#y",
  "\u0024{to} $& $1 $' {{7*7}} #{code} %0a %{to}",
  "\ud800 lone",
  "\u2028\u202e😀",
];

const valuesWith = (value: string): Record<GatewayVariable, string> => ({
  ...(Object.fromEntries(all.map((name) => [name, `${name}:${value}`])) as Record<(typeof all)[number], string>),
  expires_in_seconds: "300",
});

const written = (request: object, value: string, url?: string) =>
  writeRequest(gateway(request, url), { values: valuesWith(value), bearer: null })!;

// biome-ignore lint/suspicious/noControlCharactersInRegex: XML allows no others (XML 1.0 §2.2).
const notXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g;

const wellFormed = (text: string) => text.replace(/\p{Cs}/gu, "\ufffd");
const fieldsWith = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, `<{${name}}>`]));

const anyText = fc.oneof(fc.constantFrom(...evil), fc.string({ unit: "binary", maxLength: 60 }));

describe("whatever a value holds, it stays one value", () => {
  test("in JSON", () => {
    const request = { body: { json: { ...fieldsWith(all), list: [{ deep: "{text}" }], key: "{secrets.key}" } } };
    fc.assert(
      fc.property(anyText, (value) => {
        const parsed = JSON.parse(written(request, value).body);
        expect(Object.keys(parsed)).toEqual([...all, "list", "key"]);
        for (const name of all) expect(parsed[name]).toBe(`<${name}:${value}>`);
        expect(parsed.list).toEqual([{ deep: `text:${value}` }]);
        expect(parsed.key).toBe(context.readEnv());
      }),
    );
  });

  test("in a form", () => {
    const request = { body: { form: { ...fieldsWith(all), key: "{secrets.key}" } } };
    fc.assert(
      fc.property(anyText, (value) => {
        const pairs = [...new URLSearchParams(written(request, value).body)];
        const expected = all.map((name) => [name, wellFormed(`<${name}:${value}>`)]);
        expect(pairs).toEqual([...expected, ["key", context.readEnv()]]);
      }),
    );
  });

  test("in the query and the path of a URL", () => {
    const url = `https://api.example.com/send/a-{locale}?${all.map((name) => `${name}={${name}}`).join("&")}&key={secrets.key}`;
    const request = { method: "GET" };
    fc.assert(
      fc.property(anyText, (value) => {
        const { href, origin, pathname, searchParams, hash } = new URL(written(request, value, url).url);
        expect([origin, hash, pathname.split("/").length]).toEqual(["https://api.example.com", "", 3]);
        expect(decodeURIComponent(pathname)).toBe(wellFormed(`/send/a-locale:${value}`));
        const expected = all.map((name) => [name, wellFormed(`${name}:${value}`)]);
        expect([...searchParams]).toEqual([...expected, ["key", context.readEnv()]]);
        expect(href).not.toContain("\n");
      }),
    );
  });

  test("in XML, as text and in an attribute", () => {
    const text = '<sms to="{to}"><text lang="{locale}">{text}</text><key>{secrets.key}</key></sms>';
    const request = { body: { text, content_type: "application/xml" } };
    fc.assert(
      fc.property(anyText, (value) => {
        const match = /^<sms to="([^<>"]*)"><text lang="([^<>"]*)">([^<>]*)<\/text><key>([^<>]*)<\/key><\/sms>$/u.exec(
          written(request, value).body,
        );
        const [, to, locale, inner, key] = match ?? [];
        for (const part of [to, locale, inner, key]) expect(part?.replace(/&#\d+;/g, "")).not.toMatch(/[&<>"'\r\n]/);
        const decoded = inner?.replace(/&#(\d+);/g, (_, number) => String.fromCharCode(Number(number)));
        // XML has no place for most control characters.
        const expected = wellFormed(`text:${value}`).replace(notXml, "\ufffd");
        expect(decoded).toBe(expected);
      }),
    );
  });

  test("in a header, of which the rest is left out", () => {
    const request = {
      headers: { "X-Ref": "{reference} {locale}", "X-Key": "{secrets.key}" },
      body: { form: { to: "{to}", text: "{text}" } },
    };
    fc.assert(
      fc.property(anyText, (value) => {
        const { headers } = written(request, value);
        expect(headers["x-ref"]).toMatch(/^reference:[\x20-\x7e]*$/);
        expect(Object.keys(headers).sort()).toEqual(["accept", "content-type", "x-key", "x-ref"]);
      }),
    );
  });

  test("in plain text, which stays one line", () => {
    const request = { body: { text: "{to} {text}", content_type: "text/plain" } };
    fc.assert(
      fc.property(anyText, (value) => {
        expect(written(request, value).body).toMatch(/^to:[^\p{Cc}\u2028\u2029]*$/u);
      }),
    );
  });

  test.each([".", "..", ""])("a path segment %j is not written, because URLs have no encoding for it", (value) => {
    const values = { ...valuesWith(""), locale: value };
    const plain = gateway({ method: "GET" }, "https://api.example.com/send/{locale}/x?to={to}&text={text}");
    const request = writeRequest(plain, { values, bearer: null });
    expect(request === null || new URL(request.url).pathname.split("/").length === 4).toBe(true);
    if (value !== "") expect(request).toBeNull();
  });
});

describe("a message", () => {
  const shape = {
    read: () => ({ to: "", text: "" }),
    accept: () => ({ status: 200, body: {} }),
    refuse: { status: 400, body: {} },
    lockOut: { status: 401, body: {} },
  };

  test.each([
    "+14155550132&to=+14155550199",
    "+14155550132\r\nX-Evil: 1",
    "+14155550132,+14155550199",
    "14155550132",
    "+0",
    "",
  ])("to %j is refused for good before a request", async (value) => {
    const server = await startCarrier(shape);
    const provider = createHttpGatewayProvider({
      name: "test",
      gateway: gateway({ body: { form: { to: "{to}", text: "{text}" } } }, `${server.origin}/send`),
      reportsUrl: "https://id.example.com/delivery/reports/test",
      insecure: true,
    });
    expect((await provider.send({ ...message("sms"), to: { kind: "phone", value } })).kind).toBe("permanent");
    expect(server.asked).toEqual([]);
    await provider.close();
    await server.stop();
  });

  test("follows no redirect of the carrier", async () => {
    const server = await startCarrier({ ...shape, accept: () => ({ status: 302, headers: { location: "/admin" }, body: {} }) });
    const provider = createHttpGatewayProvider({
      name: "test",
      gateway: gateway({ body: { form: { to: "{to}", text: "{text}" } } }, `${server.origin}/send`),
      reportsUrl: "https://id.example.com/delivery/reports/test",
      insecure: true,
    });
    expect(await provider.send(message("sms"))).toMatchObject({ kind: "unavailable", isMisconfigured: true });
    expect(server.asked.map(({ path }) => path)).toEqual(["/send"]);
    await provider.close();
    await server.stop();
  });

  test.each([
    [200, { id: code, text: `code ${code} to +14155550132` }],
    [400, { error: { code, text: `code ${code} to +14155550132` } }],
    [400, { error: { code: "14155550132" } }],
    [500, { error: { code } }],
    [400, { error: { code: `INVALID_TEXT_${code}` } }],
    [400, { error: { code: `${code.slice(0, 3)}-${code.slice(3)}` } }],
    [400, { error: { code: "415-555-0132.invalid" } }],
    [200, { id: "msg-4155550132-1" }],
  ])("whose code the carrier repeats in an answer of status %d leaves none in the result", async (status, body) => {
    const server = await startCarrier({ ...shape, accept: () => ({ status, body }) });
    const description = gateway({ body: { form: { to: "{to}", text: "{text}" } } }, `${server.origin}/send`);
    const provider = createHttpGatewayProvider({
      name: "test",
      gateway: {
        ...description,
        success: { ...description.success, messageId: ["id"] },
        errorCode: ["error", "code"],
      },
      reportsUrl: "https://id.example.com/delivery/reports/test",
      insecure: true,
    });
    const result = JSON.stringify(await provider.send(message("sms")));
    for (const hidden of [code, "4155550132"]) expect(result.replaceAll("-", "")).not.toContain(hidden);
    await provider.close();
    await server.stop();
  });

  test.each([401, 422, 429, 500, 503])("that is answered with status %d names the carrier's error code", async (status) => {
    const server = await startCarrier({ ...shape, accept: () => ({ status, body: { error: { code: "E-17" } } }) });
    const provider = createHttpGatewayProvider({
      name: "test",
      gateway: {
        ...gateway({ body: { form: { to: "{to}", text: "{text}" } } }, `${server.origin}/send`),
        errorCode: ["error", "code"],
      },
      reportsUrl: "https://id.example.com/delivery/reports/test",
      insecure: true,
    });
    expect((await provider.send(message("sms"))).detail).toContain(`HTTP ${status}, E-17`);
    await provider.close();
    await server.stop();
  });
});
