import { createHmac } from "node:crypto";
import type { BodySignature, Gateway, GatewayBody, GatewayVariable, JsonTemplate, Template } from "../../model/gateway.js";
import type { EpochMs } from "../../model/time.js";
import { isEmail, isPhone } from "../destination.js";
import { basicCredentials } from "../http/basic-credentials.js";
import type { CarrierRequest } from "../http/carrier-request.js";
import type { Message } from "../provider.js";
import { type Encode, encodeComponent, encodeHeader, encodeJson, encodePlain, encodeXml } from "./encode.js";

export type Values = Readonly<Record<GatewayVariable, string>>;

/** Returns the values of a message, or null if its destination is not one that messages can be sent to. */
export function valuesOf(
  message: Message,
  { from, reportUrl, now }: { readonly from: string; readonly reportUrl: string; readonly now: EpochMs },
): Values | null {
  const { kind, value: to } = message.to;
  if (!(kind === "phone" ? isPhone(to) : isEmail(to))) return null;
  return {
    to,
    to_digits: kind === "phone" ? to.slice(1) : to,
    text: message.text,
    code: message.code,
    from,
    reference: message.sendKey,
    report_url: reportUrl,
    expires_in_seconds: String(Math.max(1, Math.floor((message.expiresAt - now) / 1000))),
    locale: message.locale,
  };
}

/**
 * Returns the request for a message, or null if a value does not fit into its URL. A path segment such as `..` is the one value
 * that encoding can't keep in its place.
 */
export function writeRequest(
  { request }: Pick<Gateway, "request">,
  { values, bearer }: { readonly values: Values; readonly bearer: string | null },
): CarrierRequest | null {
  const url = write(request.url, values, encodeComponent);
  if (!URL.canParse(url) || ![url, `${url}/`].includes(new URL(url).href)) return null;
  const body = writeBody(request.body, values);
  return {
    method: request.method,
    url,
    headers: {
      accept: "application/json",
      ...(body.contentType === null ? {} : { "content-type": body.contentType }),
      ...Object.fromEntries(request.headers.map(([name, value]) => [name, write(value, values, encodeHeader)])),
      ...authorization(request.basic, bearer),
      ...(request.signature === null ? {} : signed(request.signature, body.text)),
    },
    body: body.text,
  };
}

/** Returns the request that only tests the credentials. Headers that need a message are left out. */
export function writeCheck({ request }: Pick<Gateway, "request">, url: Template, bearer: string | null): CarrierRequest {
  const headers = request.headers.filter(([, value]) => !value.some((part) => "variable" in part));
  return {
    method: "GET",
    url: write(url, null, encodeComponent),
    headers: {
      accept: "application/json",
      ...Object.fromEntries(headers.map(([name, value]) => [name, write(value, null, encodeHeader)])),
      ...authorization(request.basic, bearer),
    },
    body: "",
  };
}

function authorization(basic: Gateway["request"]["basic"], bearer: string | null): Readonly<Record<string, string>> {
  if (bearer !== null) return { authorization: `Bearer ${encodeHeader(bearer)}` };
  return basic === null ? {} : { authorization: basicCredentials(basic.user.reveal(), basic.password.reveal()) };
}

function signed(signature: BodySignature, body: string): Readonly<Record<string, string>> {
  return { [signature.header]: signatureOf(signature, body) };
}

/** Returns what a signature's header holds for a body. */
export function signatureOf({ key, keyFormat, encoding, prefix }: BodySignature, body: string | Buffer): string {
  const bytes = Buffer.from(key.reveal(), keyFormat === "text" ? "utf8" : keyFormat);
  return `${prefix}${createHmac("sha256", bytes).update(body).digest(encoding)}`;
}

/** Secrets are encoded like values. */
function write(template: Template, values: Values | null, encode: Encode): string {
  return template
    .map((part) => {
      if ("text" in part) return part.text;
      return encode("secret" in part ? part.secret.reveal() : (values?.[part.variable] ?? ""));
    })
    .join("");
}

const textEncodes = { xml: encodeXml, json: encodeJson, form: encodeComponent, plain: encodePlain };

function writeBody(body: GatewayBody, values: Values): { readonly text: string; readonly contentType: string | null } {
  switch (body.kind) {
    case "none":
      return { text: "", contentType: null };
    case "json":
      return { text: JSON.stringify(jsonOf(body.value, values)), contentType: "application/json" };
    case "form":
      return {
        text: body.fields
          .map(([name, value]) => `${encodeComponent(name)}=${encodeComponent(write(value, values, (text) => text))}`)
          .join("&"),
        contentType: "application/x-www-form-urlencoded",
      };
    case "text":
      return { text: write(body.template, values, textEncodes[body.encoding]), contentType: body.contentType };
  }
}

function jsonOf(json: JsonTemplate, values: Values): unknown {
  switch (json.kind) {
    case "constant":
      return json.value;
    case "list":
      return json.items.map((item) => jsonOf(item, values));
    case "object":
      return Object.fromEntries(json.fields.map(([name, field]) => [name, jsonOf(field, values)]));
    case "text": {
      const text = write(json.template, values, (value) => value);
      const [only] = json.template;
      // Carriers take durations as numbers.
      const isNumber =
        json.template.length === 1 && only !== undefined && "variable" in only && only.variable === "expires_in_seconds";
      return isNumber ? Number(text) : text;
    }
  }
}
