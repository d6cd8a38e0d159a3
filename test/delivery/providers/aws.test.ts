import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Message } from "../../../src/delivery/provider.js";
import { createSesProvider } from "../../../src/delivery/providers/ses.js";
import { createSnsProvider } from "../../../src/delivery/providers/sns.js";
import { code, message } from "../fixtures.js";
import { type Answer, type Asked, type Shape, startCarrier } from "./carrier-server.js";
import { describeCarrier } from "./contract.js";

const secret = "secret-key-of-the-test";

beforeAll(async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", secret);
  // The first import takes longer than a test may.
  await Promise.all([import("@aws-sdk/client-sesv2"), import("@aws-sdk/client-sns")]);
}, 60_000);
afterAll(() => {
  vi.unstubAllEnvs();
});

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html: JSON, the code of an error in a header. */
function sesError(status: number, type: string, text: string): Answer {
  return { status, headers: { "x-amzn-errortype": type }, body: { message: text } };
}

const sesShape: Shape = {
  read(asked) {
    if (asked.path !== "/v2/email/outbound-emails") return null;
    if (!asked.headers.authorization?.includes("/eu-central-1/ses/aws4_request")) throw new Error("not signed for SES");
    const { Destination, Content } = JSON.parse(asked.body);
    return { to: Destination.ToAddresses.join(), text: Content.Simple.Body.Text.Data };
  },
  accept: (_, count) => ({ status: 200, body: { MessageId: `0107018f-${count}` } }),
  refuse: sesError(400, "MessageRejected", "Address is on the suppression list: ada@example.com"),
  lockOut: sesError(403, "UnrecognizedClientException", "The security token included in the request is invalid."),
  busy: sesError(429, "TooManyRequestsException", "Too many requests"),
  other: () => ({ status: 200, body: { SendingEnabled: true, ProductionAccessEnabled: true, EnforcementStatus: "HEALTHY" } }),
};

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: a form, answered in XML. */
function snsError(status: number, type: string, text: string): Answer {
  return {
    status,
    headers: { "content-type": "text/xml" },
    body: `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>${type}</Code><Message>${text}</Message></Error><RequestId>5d1c</RequestId></ErrorResponse>`,
  };
}

function snsAnswer(action: string, inner: string): Answer {
  return {
    status: 200,
    headers: { "content-type": "text/xml" },
    body: `<${action}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><${action}Result>${inner}</${action}Result><ResponseMetadata><RequestId>f187</RequestId></ResponseMetadata></${action}Response>`,
  };
}

function snsAttributes(asked: Asked): Readonly<Record<string, string>> {
  const form = new URLSearchParams(asked.body);
  const names = [...form].filter(([name]) => /^MessageAttributes\.entry\.\d+\.Name$/.test(name));
  return Object.fromEntries(
    names.map(([name, attribute]) => [attribute, form.get(name.replace(/Name$/, "Value.StringValue")) ?? ""]),
  );
}

const snsShape: Shape = {
  read(asked) {
    const form = new URLSearchParams(asked.body);
    if (form.get("Action") !== "Publish") return null;
    if (!asked.headers.authorization?.includes("/eu-central-1/sns/aws4_request")) throw new Error("not signed for SNS");
    const attributes = snsAttributes(asked);
    if (attributes["AWS.SNS.SMS.SMSType"] !== "Transactional") throw new Error("other attributes");
    return { to: form.get("PhoneNumber") ?? "", text: form.get("Message") ?? "" };
  },
  accept: (_, count) => snsAnswer("Publish", `<MessageId>567910cd-${count}</MessageId>`),
  refuse: snsError(400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: +14155550132 is not valid to publish to"),
  lockOut: snsError(403, "InvalidClientTokenId", "The security token included in the request is invalid."),
  busy: snsError(400, "Throttling", "Rate exceeded"),
  other: () =>
    snsAnswer("GetSMSAttributes", "<attributes><entry><key>MonthlySpendLimit</key><value>1</value></entry></attributes>"),
};

const from = { name: "Latchkey", address: "codes@example.org" };
const common = { region: "eu-central-1", insecure: true, answerTimeoutMs: 2_000 };

const ses = (endpoint: string) => createSesProvider({ ...common, name: "ses", endpoint, from, configurationSet: "codes" });
const sns = (endpoint: string) => createSnsProvider({ ...common, name: "sns", endpoint, senderId: "Latchkey" });

for (const [name, shape, create] of [
  ["ses", sesShape, ses],
  ["sns", snsShape, sns],
] as const) {
  describeCarrier(name, async () => {
    const server = await startCarrier(shape);
    return {
      provider: create(server.origin),
      received: () => server.received,
      behave: server.behave,
      disappear: server.stop,
      stop: server.stop,
      secrets: [secret],
      givesIds: true,
      saysHowLong: false,
      speaksHttp: true,
    };
  });
}

async function sendOne(shape: Shape, create: typeof ses | typeof sns, changes: Partial<Message> = {}) {
  const server = await startCarrier(shape);
  const provider = create(server.origin);
  const result = await provider.send({ ...message(provider.channels[0]!), ...changes });
  await provider.close();
  await server.stop();
  return { result, asked: server.asked, received: server.received };
}

test.each([
  ["", '"Latchkey" <codes@example.org>'],
  ["Ada's Shop", '"Ada\'s Shop" <codes@example.org>'],
  ["Café\r\nBcc: x", "=?UTF-8?B?Q2Fmw6kgIEJjYzogeA==?= <codes@example.org>"],
])("a mail by SES from %j comes from %s", async (senderName, sender) => {
  const { asked } = await sendOne(sesShape, ses, { senderName });
  expect(JSON.parse(asked[0]!.body).FromEmailAddress).toBe(sender);
});

test.each([
  [null, { "AWS.SNS.SMS.SenderID": "Latchkey" }],
  ["My Shop", { "AWS.SNS.SMS.SenderID": "MyShop" }],
  ["+46701234567", { "AWS.MM.SMS.OriginationNumber": "+46701234567" }],
])("an SMS by SNS from %j has the attribute of that sender alone", async (senderId, attribute) => {
  const { asked } = await sendOne(snsShape, sns, { senderId });
  expect(snsAttributes(asked[0]!)).toEqual({ "AWS.SNS.SMS.SMSType": "Transactional", ...attribute });
});

describe("an answer of Amazon", () => {
  test.each([
    ["ses", sesError(400, "MessageRejected", "Email address is not verified: codes@example.org"), "unavailable", undefined],
    ["ses", sesError(400, "AccountSuspendedException", "suspended"), "unavailable", true],
    ["ses", sesError(400, "SendingPausedException", "paused"), "unavailable", true],
    ["ses", sesError(400, "MailFromDomainNotVerifiedException", "not verified"), "unavailable", true],
    ["ses", sesError(404, "NotFoundException", "Configuration set <codes> does not exist."), "unavailable", true],
    ["ses", sesError(400, "BadRequestException", "Domain starts with dot"), "permanent", undefined],
    ["ses", sesError(400, "LimitExceededException", "quota"), "unavailable", undefined],
    ["ses", sesError(500, "InternalServiceErrorException", "oops"), "unknown", undefined],
    ["ses", sesError(503, "ServiceUnavailableException", "later"), "unavailable", undefined],
    ["sns", snsError(400, "OptedOut", "opted out"), "permanent", undefined],
    ["sns", snsError(403, "AuthorizationError", "not authorized"), "unavailable", true],
    ["sns", snsError(403, "SignatureDoesNotMatch", "signature"), "unavailable", true],
    ["sns", snsError(429, "ThrottledException", "throttled"), "temporary", undefined],
    ["sns", snsError(500, "InternalError", "oops"), "unknown", undefined],
  ] as const)("%s: %j is %s", async (name, refuse, kind, isMisconfigured) => {
    const shape = name === "ses" ? sesShape : snsShape;
    const { result, asked } = await sendOne({ ...shape, accept: () => refuse }, name === "ses" ? ses : sns);
    expect(result.kind).toBe(kind);
    expect("isMisconfigured" in result ? result.isMisconfigured : undefined).toBe(isMisconfigured);
    // The SDK never tries again: the outbox decides about that.
    expect(asked).toHaveLength(1);
    for (const hidden of [code, "ada@example.com", "4155550132", secret]) expect(result.detail).not.toContain(hidden);
  });
});

describe("the request to Amazon", () => {
  test("to SES has one recipient, a subject on one line, and the configuration set", async () => {
    const server = await startCarrier(sesShape);
    const provider = ses(server.origin);
    const subject = `${code} is it\r\nBcc: evil@example.net`;
    expect((await provider.send({ ...message("email"), subject })).kind).toBe("sent");
    const body = JSON.parse(server.asked[0]!.body);
    expect(body.Content.Simple.Subject.Data).toBe(`${code} is it Bcc: evil@example.net`);
    expect(body.ConfigurationSetName).toBe("codes");
    expect(body.Destination).toEqual({ ToAddresses: ["ada@example.com"] });
    await provider.close();
    await server.stop();
  });

  test.each([
    ["ses", "ada@example.com, evil@example.net"],
    ["ses", "ada@example.com\r\nBcc: evil@example.net"],
    ["ses", ""],
    ["sns", "+14155550132&PhoneNumber=+14155550199"],
    ["sns", "+14155550132\r\n"],
    ["sns", "14155550132"],
  ] as const)("to %s never goes to %j: refused for good before a request", async (name, value) => {
    const server = await startCarrier(name === "ses" ? sesShape : snsShape);
    const provider = (name === "ses" ? ses : sns)(server.origin);
    const sent = { ...message(provider.channels[0]!), to: { kind: name === "ses" ? "email" : "phone", value } as const };
    expect((await provider.send(sent)).kind).toBe("permanent");
    expect(server.asked).toEqual([]);
    await provider.close();
    await server.stop();
  });

  test("to SNS keeps what could end a value in its place", async () => {
    const server = await startCarrier(snsShape);
    const provider = sns(server.origin);
    const text = "048213 &PhoneNumber=+14155550199\n<Message>\u0000\"'%0a";
    expect((await provider.send({ ...message("sms"), text })).kind).toBe("sent");
    expect(server.received).toEqual([{ to: "+14155550132", text: text.replace("\u0000", " ") }]);
    await provider.close();
    await server.stop();
  });
});

describe("credentials", () => {
  test("that the SDK can't find make the carrier unavailable and misconfigured, and no request is made", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "");
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    vi.stubEnv("AWS_CONFIG_FILE", "/nowhere");
    const { result, asked } = await sendOne(sesShape, ses);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", secret);
    expect(result).toMatchObject({ kind: "unavailable", isMisconfigured: true });
    expect(asked).toEqual([]);
  });
});

test("the AWS SDK is loaded only when a message is sent", () => {
  const src = new URL("../../../src/", import.meta.url).pathname;
  const isOurs = (file: string): boolean => /\.c?ts$/.test(file) && !file.includes("node_modules");
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(isOurs);
  const eager = files.filter((file) => /^import (?!type )[^;]*"@aws-sdk\//m.test(readFileSync(src + file, "utf8")));
  expect(eager).toEqual([]);
});
