import {
  type BodySignature,
  type GatewayBody,
  type GatewayOAuth,
  type GatewayRequest,
  type GatewayVariable,
  gatewayVariables,
  type Template,
} from "../../../model/gateway.js";
import { child, fieldsOf, isMissing, type Node, refuse, textOf, wordOf } from "./node.js";
import type { Secrets } from "./secrets.js";
import { readJsonTemplate, readSealed, readTemplate, variablesOf, variablesOfJson } from "./template.js";

const tokenPattern = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
export const headerRule = { pattern: tokenPattern, form: "the name of a header" };

/** Headers that the request itself decides. */
const ownHeaders = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"];

/** Free text has no place in headers, because most servers read them as Latin-1. */
const headerVariables = gatewayVariables.filter((name) => name !== "text");

export interface RequestContext {
  readonly secrets: Secrets;
  readonly allowsHttp: boolean;
}

export function readRequest(node: Node, context: RequestContext): GatewayRequest {
  const { secrets } = context;
  fieldsOf(node, ["method", "url", "headers", "basic", "body", "signature"]);
  const method = wordOf(child(node, "method"), ["POST", "GET", "PUT"], "POST");
  const url = readUrlTemplate(child(node, "url"), context, gatewayVariables);
  const headers = readHeaders(child(node, "headers"), secrets);
  const body = readBody(child(node, "body"), secrets);
  const signature = isMissing(child(node, "signature")) ? null : readSignature(child(node, "signature"), secrets);
  if (body.kind !== "none" && method === "GET") refuse(child(node, "body"), "can't be sent with GET: remove it, or write POST");
  if (body.kind !== "none" && headers.some(([name]) => name === "content-type")) {
    refuse(child(node, "headers"), "must not have Content-Type, which the body decides: remove it");
  }
  if (body.kind === "none" && signature !== null)
    refuse(child(node, "signature"), "signs the body, and there is none: remove it");
  return { method, url, headers, basic: readBasic(child(node, "basic"), secrets), body, signature };
}

/** Returns the variables that a request uses. */
export function variablesOfRequest({ url, headers, body }: GatewayRequest): ReadonlySet<GatewayVariable> {
  const used = [...variablesOf(url), ...headers.flatMap(([, value]) => variablesOf(value)), ...variablesOfBody(body)];
  return new Set(used);
}

function variablesOfBody(body: GatewayBody): readonly GatewayVariable[] {
  switch (body.kind) {
    case "none":
      return [];
    case "json":
      return variablesOfJson(body.value);
    case "form":
      return body.fields.flatMap(([, value]) => variablesOf(value));
    case "text":
      return variablesOf(body.template);
  }
}

/** Reads a URL with places for values, none of which stands in its scheme and host. */
export function readUrlTemplate(
  node: Node,
  { secrets, allowsHttp }: RequestContext,
  variables: readonly GatewayVariable[],
): Template {
  const before = node.mistakes.length;
  const template = readTemplate(node, { secrets, variables });
  if (node.mistakes.length > before) return template;
  // A letter in place of each value shows the parts of the URL.
  const sample = template.map((part) => ("text" in part ? part.text : "x")).join("");
  const problem = urlProblem(sample, allowsHttp);
  const [first] = template;
  if (problem !== null) refuse(node, problem);
  else if (
    first === undefined ||
    !("text" in first) ||
    !/^https?:\/\/[^/?#]+[/?]/.test(`${first.text}${template.length === 1 ? "/" : ""}`)
  ) {
    refuse(node, "must have its scheme and host without values: write them out");
  } else if (template.some((part, index) => "secret" in part && !hasQueryBefore(template, index))) {
    refuse(node, "must not have a secret in its path: use a header, the body or the query");
  }
  return template;
}

function hasQueryBefore(template: Template, index: number): boolean {
  return template.slice(0, index).some((part) => "text" in part && part.text.includes("?"));
}

/** Reads a URL without places for values. */
function readUrl(node: Node, { allowsHttp }: RequestContext): string {
  const before = node.mistakes.length;
  const url = textOf(node);
  const problem = node.mistakes.length > before ? null : urlProblem(url, allowsHttp);
  if (problem !== null) refuse(node, problem);
  return url;
}

/** Texts repeat nothing of the URL, because its query may hold a secret. */
function urlProblem(text: string, allowsHttp: boolean): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["https:", "http:"].includes(url.protocol)) return "must be an https URL";
  if (url.protocol === "http:" && !allowsHttp) {
    return "must be an https URL: http works with insecure=1, and only outside production";
  }
  if (url.username !== "" || url.password !== "") return "must have no user and no password: use `basic` or a header";
  if (text.includes("#")) return "must have no fragment: remove everything from # on";
  if (url.href !== text && url.href !== `${text}/`) {
    return "must be in the normal form of URLs: a host in lower case, no default port, no spaces, and no .. in the path";
  }
  return null;
}

function readHeaders(node: Node, secrets: Secrets): GatewayRequest["headers"] {
  if (isMissing(node)) return [];
  const seen = new Set<string>();
  return fieldsOf(node, null).map(([name, value]) => {
    const lower = name.toLowerCase();
    if (!tokenPattern.test(name)) refuse(value, "must have the name of a header: letters, digits and hyphens");
    else if (ownHeaders.includes(lower)) refuse(value, "must not be set, because the request decides it: remove it");
    else if (seen.has(lower)) refuse(value, "is given twice: remove one");
    seen.add(lower);
    const template = readTemplate(value, { secrets, variables: headerVariables });
    if (template.some((part) => "text" in part && !/^[\x20-\x7e]*$/.test(part.text))) {
      refuse(value, "must be of printable ASCII characters");
    }
    return [lower, template] as const;
  });
}

function readBasic(node: Node, secrets: Secrets): GatewayRequest["basic"] {
  if (isMissing(node)) return null;
  fieldsOf(node, ["user", "password"]);
  return { user: readSealed(child(node, "user"), secrets), password: readSealed(child(node, "password"), secrets) };
}

function readBody(node: Node, secrets: Secrets): GatewayBody {
  if (isMissing(node)) return { kind: "none" };
  const vocabulary = { secrets, variables: gatewayVariables };
  const fields = fieldsOf(node, ["json", "form", "text", "content_type"]);
  const kinds = fields.map(([name]) => name).filter((name) => ["json", "form", "text"].includes(name));
  if (kinds.length !== 1) {
    refuse(node, "must have exactly one of json, form and text");
    return { kind: "none" };
  }
  if (kinds[0] !== "text" && fields.some(([name]) => name === "content_type")) {
    refuse(child(node, "content_type"), "is only for a body of text: remove it");
  }
  switch (kinds[0]) {
    case "json":
      return { kind: "json", value: readJsonTemplate(child(node, "json"), vocabulary) };
    case "form":
      return {
        kind: "form",
        fields: fieldsOf(child(node, "form"), null).map(([name, value]) => [name, readTemplate(value, vocabulary)] as const),
      };
    default: {
      const contentType = textOf(child(node, "content_type"), {
        pattern: /^[a-z]+\/[a-z0-9.+-]+(?:; ?charset=utf-8)?$/i,
        form: "a content type such as application/xml",
      });
      return {
        kind: "text",
        contentType,
        encoding: encodingOf(contentType),
        template: readTemplate(child(node, "text"), vocabulary),
      };
    }
  }
}

function encodingOf(contentType: string): "xml" | "json" | "form" | "plain" {
  const [type = ""] = contentType.toLowerCase().split(";");
  if (/[/+]xml$/.test(type)) return "xml";
  if (/[/+]json$/.test(type)) return "json";
  return type === "application/x-www-form-urlencoded" ? "form" : "plain";
}

const signatureFields = ["header", "prefix", "encoding", "key", "key_format"] as const;

export function readSignature(node: Node, secrets: Secrets, alsoKnown: readonly string[] = []): BodySignature {
  fieldsOf(node, [...alsoKnown, ...signatureFields]);
  const key = readSealed(child(node, "key"), secrets);
  const keyFormat = wordOf(child(node, "key_format"), ["text", "hex", "base64"], "text");
  if (keyFormat !== "text" && !isEncoded(key.reveal(), keyFormat))
    refuse(child(node, "key"), `must be written in ${keyFormat}`);
  return {
    header: textOf(child(node, "header"), headerRule).toLowerCase(),
    prefix: textOf(child(node, "prefix"), { fallback: "", pattern: /^[\x20-\x7e]*$/, form: "of printable ASCII characters" }),
    encoding: wordOf(child(node, "encoding"), ["hex", "base64"]),
    key,
    keyFormat,
  };
}

function isEncoded(text: string, format: "hex" | "base64"): boolean {
  return format === "hex" ? /^(?:[0-9a-f]{2})+$/i.test(text) : /^[A-Za-z0-9+/_-]+={0,2}$/.test(text);
}

const parameterRule = { pattern: /^[^\p{Cc}]+$/u, form: "a text without control characters" };

export function readOAuth(node: Node, context: RequestContext): GatewayOAuth | null {
  if (isMissing(node)) return null;
  fieldsOf(node, ["token_url", "client_id", "client_secret", "scope", "parameters", "format", "credentials"]);
  const parameters = child(node, "parameters");
  const entries = isMissing(parameters) ? [] : fieldsOf(parameters, null);
  return {
    tokenUrl: readUrl(child(node, "token_url"), context),
    clientId: readSealed(child(node, "client_id"), context.secrets),
    clientSecret: readSealed(child(node, "client_secret"), context.secrets),
    scope: textOf(child(node, "scope"), { fallback: "", ...parameterRule }),
    parameters: Object.fromEntries(entries.map(([name, value]) => [name, textOf(value, parameterRule)])),
    format: wordOf(child(node, "format"), ["form", "json"], "form"),
    credentials: wordOf(child(node, "credentials"), ["body", "basic"], "body"),
  };
}
