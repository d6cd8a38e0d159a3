import { describe, expect, test } from "vitest";
import { checkGateway, readGateway } from "../../src/config/providers/gateway/read-gateway.js";
import { originsOfGateway, parseGatewayUrl, parseInlineGateway } from "../../src/config/providers/gateway-url.js";
import { parseSesUrl } from "../../src/config/providers/ses-url.js";
import { parseSnsUrl } from "../../src/config/providers/sns-url.js";
import { SettingError } from "../../src/config/setting.js";
import { readyGateway, readyNames } from "../delivery/gateway/ready.js";

type Json = Readonly<Record<string, unknown>>;

const minimal: Json = {
  channels: ["sms"],
  request: { url: "https://api.example.com/send", body: { json: { to: "{to}", text: "{text}" } } },
  success: { status: 200 },
};

const context = {
  isProduction: true,
  allowsHttp: false,
  readText: (path: string) => {
    if (path === "/run/key") return "key-from-file\n";
    throw new SettingError("names a file that cannot be read (ENOENT): correct the path or the permissions");
  },
  readEnv: (name: string) => ({ KEY: "key-from-env", LINES: "a\r\nX-Evil: 1" })[name],
};

const mistakesOf = (change: Json) =>
  checkGateway(JSON.stringify({ ...minimal, ...change }), context).mistakes.map(({ pointer, text }) => `${pointer} ${text}`);

const request = (change: Json): Json => ({ request: { ...(minimal.request as Json), ...change } });
const body = (json: unknown): Json => request({ body: { json } });
const secrets = { key: { env: "KEY" } };
const reports: Json = {
  authentication: { type: "hmac", header: "x-signature", encoding: "hex", key: "{secrets.key}" },
  message_id: "/id",
  status: "/status",
  statuses: { ok: "delivered" },
};

describe("a description", () => {
  test("needs only channels, a request and a success", () => {
    expect(mistakesOf({})).toEqual([]);
  });

  test.each(readyNames)("of the ready file %s is valid in production", (name) => {
    expect(readyGateway(name).channels).toEqual(["sms"]);
  });

  test("is refused with all its mistakes at once, each with its JSON pointer", () => {
    const wrong = {
      channels: ["sms", "fax"],
      request: { url: "http://api.example.com/send", headers: { "a b": "x" }, body: { json: { to: "{to}", "a/b": "{txt}" } } },
      errors: [{ status: 42, kind: "fatal" }],
      extra: 1,
    };
    expect(() => readGateway(JSON.stringify(wrong), context)).toThrow(
      new SettingError(
        [
          "must lead to a valid description of a gateway (8 mistakes): /extra is no field of this object: remove it, or write one of $schema, channels, from, timeout_ms, secrets, request, oauth, check, success, errors, error_code, reports",
          "/channels/1 must be one of email, sms, whatsapp, voice, ussd",
          "/request/url must be an https URL: http works with insecure=1, and only outside production",
          "/request/headers/a b must have the name of a header: letters, digits and hyphens",
          '/request/body/json/a~1b names "{txt}", which is not known: use {to}, {to_digits}, {text}, {code}, {from}, {reference}, {report_url}, {expires_in_seconds}, {locale}',
          "/success is missing: add it",
          "/errors/0/status must be an HTTP status such as 429, or 5xx",
          "/errors/0/kind must be permanent or temporary or unavailable or misconfigured or sender_refused",
        ].join("; "),
      ),
    );
  });

  test.each([
    ["{", "the whole text", /^ must be JSON of at most 64 KiB/],
    ["[]", "the whole text", /^ must be an object/],
    [`{"a":"${"x".repeat(70_000)}"}`, "a long text", /^ must be JSON of at most 64 KiB/],
  ])("that is %.5s… is refused", (text, _, expected) => {
    const { mistakes } = checkGateway(text, context);
    expect(mistakes.map(({ pointer, text: why }) => `${pointer} ${why}`)).toEqual([expect.stringMatching(expected)]);
  });

  test.each<readonly [string, Json, string]>([
    ["a lone brace", body({ to: "{to}", text: "{text} {" }), '/request/body/json/text has a lone "{": write it twice'],
    ["an unknown secret", body({ to: "{to}", text: "{text}", key: "{secrets.key}" }), '"{secrets.key}", which is not known'],
    ["no destination", body({ text: "{text}" }), "/request must hold the destination: write {to} or {to_digits}"],
    ["no message", body({ to: "{to}" }), "/request must hold the message: write {text} or {code}"],
    ["no sender", body({ to: "{to}", text: "{text}", from: "{from}" }), "/from is missing, and the request uses {from}"],
    [
      "no reports",
      body({ to: "{to}", text: "{text}", url: "{report_url}" }),
      "/reports is missing, and the request uses {report_url}",
    ],
    [
      "a value as host",
      request({ url: "https://{locale}.example.com/" }),
      "/request/url must have its scheme and host without values",
    ],
    [
      "a value after the host",
      request({ url: "https://example.com{to}" }),
      "/request/url must have its scheme and host without values",
    ],
    ["a user", request({ url: "https://a:b@api.example.com/" }), "/request/url must have no user and no password"],
    ["a decimal address", request({ url: "https://2130706433/" }), "/request/url must be in the normal form of URLs"],
    ["a way up", request({ url: "https://api.example.com/a/../{to}" }), "/request/url must be in the normal form of URLs"],
    ["another protocol", request({ url: "file:///etc/passwd" }), "/request/url must be an https URL"],
    [
      "a secret in a path",
      { secrets, ...request({ url: "https://api.example.com/{secrets.key}" }) },
      "must not have a secret in its path",
    ],
    [
      "text in a header",
      request({ headers: { "X-Text": "{text}" } }),
      '/request/headers/X-Text names "{text}", which can\'t be used here',
    ],
    [
      "a line break in a header",
      request({ headers: { "X-A": "a\r\nX-Evil: 1" } }),
      "/request/headers/X-A must be of printable ASCII",
    ],
    ["a header of HTTP", request({ headers: { Host: "evil.example" } }), "/request/headers/Host must not be set"],
    ["a content type", request({ headers: { "Content-Type": "text/plain" } }), "/request/headers must not have Content-Type"],
    ["two bodies", request({ body: { json: {}, form: {} } }), "/request/body must have exactly one of json, form and text"],
    ["a body with GET", request({ method: "GET" }), "/request/body can't be sent with GET"],
    [
      "two authorizations",
      { secrets, ...request({ headers: { Authorization: "x" }, basic: { user: "a", password: "b" } }) },
      "/request must have one Authorization",
    ],
    ["a rule for everything", { errors: [{ kind: "permanent" }] }, "/errors/0 would match every answer"],
    ["a wrong pointer", { success: { message_id: "id" } }, "/success/message_id must be a JSON pointer such as /messages/0/id"],
    ["a long wait", { timeout_ms: 60_000 }, "/timeout_ms must be a whole number of milliseconds from 100 to 30000"],
    [
      "unproven reports",
      { reports: { message_id: "/id", status: "/s", statuses: {} } },
      "/reports/authentication is missing: say how the carrier proves its reports",
    ],
    [
      "a short key",
      { secrets, reports: { ...reports, authentication: { type: "query", name: "k", value: "short" } } },
      "/reports/authentication/value must have at least 16 characters",
    ],
    [
      "a status of ours",
      { secrets, reports: { ...reports, statuses: { ok: "arrived" } } },
      "/reports/statuses/ok must be sent or delivered",
    ],
    [
      "reports of no message",
      { secrets, reports: { ...reports, message_id: undefined } },
      "/reports must say how a report names its message",
    ],
    [
      "a query that no HMAC covers",
      { secrets, reports: { ...reports, format: "query" } },
      "/reports/authentication must cover the URL",
    ],
    [
      "a secret in the file",
      { secrets: { key: "very-secret" } },
      '/secrets/key must not stand in the file: write {"env": "NAME"}',
    ],
    [
      "a missing variable",
      { secrets: { key: { env: "NOWHERE" } } },
      "/secrets/key/env names the environment variable NOWHERE, which is empty or not set",
    ],
    [
      "a missing file",
      { secrets: { key: { file: "/run/other" } } },
      "/secrets/key/file names a file that cannot be read (ENOENT)",
    ],
    ["a secret of two lines", { secrets: { key: { env: "LINES" } } }, "/secrets/key/env must lead to one line"],
  ])("with %s is refused in one sentence that says where", (_, change, expected) => {
    const mistakes = mistakesOf(change);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toContain(expected);
    expect(mistakes[0]).not.toContain("very-secret");
  });

  test("gets secrets from the environment and from files, without the end of the line", () => {
    const gateway = readGateway(
      JSON.stringify({
        ...minimal,
        secrets: { key: { env: "KEY" }, other: { file: "/run/key" } },
        ...request({ basic: { user: "{secrets.key}", password: "{secrets.other}" } }),
      }),
      context,
    );
    const { user, password } = gateway.request.basic!;
    expect([user.reveal(), password.reveal()]).toEqual(["key-from-env", "key-from-file"]);
    expect(JSON.stringify(gateway)).not.toContain("key-from");
  });
});

describe("a description that comes over the network", () => {
  const inline = (change: Json) => parseInlineGateway(JSON.stringify({ ...minimal, ...change }), "sms", true);

  test("holds its secrets and may call public addresses only", () => {
    const { gateway, insecure } = inline({
      secrets: { key: "a secret" },
      ...request({ headers: { "X-Key": "{secrets.key}" } }),
      check: "https://balance.example.com/",
    });
    expect(insecure).toBe(false);
    expect(originsOfGateway(gateway)).toEqual(["https://api.example.com/", "https://balance.example.com/"]);
    expect(JSON.stringify(gateway)).not.toContain("a secret");
  });

  test.each([[{ env: "KEY" }], [{ file: "/run/key" }]])("reads nothing of this machine: %j", (key) => {
    expect(() => inline({ secrets: { key } })).toThrow("/secrets/key must be the secret itself as a text");
  });

  test.each(["file:///etc/passwd", "gopher://api.example.com/", "https://user@api.example.com/"])("can't call %s", (url) => {
    expect(() => inline(request({ url }))).toThrow("/request/url must");
  });

  test("may name http, whose addresses are checked apart", () => {
    expect(originsOfGateway(inline(request({ url: "http://api.example.com/" })).gateway)).toEqual(["http://api.example.com/"]);
  });
});

describe("the URL of a gateway", () => {
  const files = {
    ...context,
    readText: (path: string) => (path === "/etc/sms.json" ? JSON.stringify(minimal) : context.readText(path)),
  };

  test("names the file of its description", () => {
    const { gateway, insecure } = parseGatewayUrl("http-gateway:///etc/sms.json", "sms", files);
    expect([gateway.channels, insecure]).toEqual([["sms"], false]);
  });

  test.each([
    ["http-gateway://etc/sms.json", "sms", "with three slashes and no host"],
    ["http-gateway:///", "sms", "add the path of the description"],
    ["http-gateway:///etc/other.json", "sms", "names a file that cannot be read (ENOENT)"],
    ["http-gateway:///etc/sms.json", "voice", 'add "voice" to /channels of its description'],
    ["http-gateway:///etc/sms.json?key=secret", "sms", "has a parameter other than `ca` and `insecure`"],
  ] as const)("%s for %s is refused", (url, channel, expected) => {
    expect(() => parseGatewayUrl(url, channel, files)).toThrow(expected);
  });

  test("can't come over the network", () => {
    expect(() => parseGatewayUrl("http-gateway:///etc/sms.json", "sms", { isProduction: true, readText: null })).toThrow(
      "must not name a file of this machine",
    );
  });
});

describe("the URLs of Amazon", () => {
  test("name region, sender, configuration set and endpoint", () => {
    expect(parseSesUrl("ses://eu-central-1?from=Codes%20<codes@example.com>&configuration_set=otp", context)).toEqual({
      region: "eu-central-1",
      credentials: null,
      endpoint: null,
      ca: null,
      insecure: false,
      from: { name: "Codes", address: "codes@example.com" },
      configurationSet: "otp",
    });
    expect(parseSnsUrl("sns://us-gov-west-1?sender_id=Latchkey&endpoint=https://vpce-1.sns.example.com", context)).toEqual({
      region: "us-gov-west-1",
      credentials: null,
      endpoint: "https://vpce-1.sns.example.com",
      ca: null,
      insecure: false,
      senderId: "Latchkey",
    });
  });

  test.each([
    ["ses://eu-central-1", "must name the sender"],
    ["ses://eu-central-1?from=nobody", "must have an e-mail address as `from`"],
    ["ses://AKIA:secret@eu-central-1?from=a@b.example", "without credentials"],
    ["ses://email.eu-central-1.amazonaws.com?from=a@b.example", "with a region such as eu-central-1"],
    ["ses://eu-central-1:443?from=a@b.example", "without a port and a path"],
    ["ses://eu-central-1?from=a@b.example&configuration_set=a%20b", "as `configuration_set`"],
    ["ses://eu-central-1?from=a@b.example&endpoint=http://127.0.0.1:1", "must have an https URL"],
    ["sns://eu-central-1?sender_id=12345", "as `sender_id`"],
    ["sns://eu-central-1?sender_id=TwelveLetters", "as `sender_id`"],
  ])("%s is refused without its secrets", (url, expected) => {
    const parse = () => (url.startsWith("ses") ? parseSesUrl : parseSnsUrl)(url, context);
    expect(parse).toThrow(expected);
    expect(parse).not.toThrow(/AKIA|secret/);
  });

  const network = { isProduction: false, readText: null };
  const [id, secret] = ["AKIATESTTESTTEST", "wJalr/XUtnFEMI+K7MDENG"];

  test("must have credentials of their own if they come over the network", () => {
    const { credentials } = parseSnsUrl(`sns://${id}:${encodeURIComponent(secret)}@eu-central-1`, network);
    expect([credentials?.accessKeyId, credentials?.secretAccessKey.reveal()]).toEqual([id, secret]);
    expect(parseSesUrl(`ses://${id}:wJalr%2FXUtnFEMI+K7MDENG@eu-central-1?from=a@b.example`, network).credentials).toEqual(
      credentials,
    );
  });

  test.each([
    ["sns://eu-central-1", "must have the id of an access key"],
    [`sns://${id}@eu-central-1`, "must have the id of an access key"],
    [`sns://${id}:${secret}@eu-central-1`, "%2F"],
    [`sns://${id}:${encodeURIComponent(secret)}@eu-central-1?endpoint=https://10.0.0.1`, "must not have `endpoint`"],
  ])("%s is refused over the network without its secrets", (url, expected) => {
    expect(() => parseSnsUrl(url, network)).toThrow(expected);
    expect(() => parseSnsUrl(url, network)).not.toThrow(/AKIA|wJalr/);
  });
});
