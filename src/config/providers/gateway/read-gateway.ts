import { type Channel, channels } from "../../../model/channel.js";
import type { Gateway } from "../../../model/gateway.js";
import { SettingError } from "../../setting.js";
import type { ProviderContext } from "../provider-url.js";
import { child, fieldsOf, isMissing, itemsOf, type Mistake, type Node, pointerOf, refuse, textOf } from "./node.js";
import { readErrors, readSuccess } from "./read-answers.js";
import { readReports } from "./read-reports.js";
import { readOAuth, readRequest, readUrlTemplate, variablesOfRequest } from "./read-request.js";
import { readSecrets } from "./secrets.js";

export interface GatewayContext extends ProviderContext {
  /** Whether URLs may begin with http. */
  readonly allowsHttp: boolean;
}

const names = ["$schema", "channels", "from", "timeout_ms", "secrets", "request", "oauth", "check"];
const answerNames = ["success", "errors", "error_code", "reports"];

const textMax = 64 * 1024;

/**
 * Reads the description of a carrier's HTTP API. Throws SettingError with all mistakes, each with its JSON pointer. No message
 * repeats a secret. See docs/providers/http-gateway.md.
 */
export function readGateway(text: string, context: GatewayContext): Gateway {
  const { gateway, mistakes } = checkGateway(text, context);
  if (gateway !== null) return gateway;
  const listed = mistakes.map(({ pointer, text: why }) => `${pointer === "" ? "the description" : pointer} ${why}`);
  throw new SettingError(
    `must ${context.readText === null ? "be" : "lead to"} a valid description of a gateway (${listed.length === 1 ? "1 mistake" : `${listed.length} mistakes`}): ${listed.join("; ")}`,
  );
}

/** Returns the gateway, or null and what is wrong with its description. */
export function checkGateway(
  text: string,
  context: GatewayContext,
): { readonly gateway: Gateway | null; readonly mistakes: readonly Mistake[] } {
  const mistakes: Mistake[] = [];
  const node: Node = { value: parsed(text), pointer: "", mistakes };
  if (node.value === undefined) {
    refuse(node, `must be JSON of at most ${textMax / 1024} KiB: check its commas, quotes and brackets`);
    return { gateway: null, mistakes };
  }
  if (typeof node.value !== "object" || node.value === null || Array.isArray(node.value)) {
    refuse(node, "must be an object");
    return { gateway: null, mistakes };
  }
  const gateway = readFields(node, context);
  return { gateway: mistakes.length === 0 ? gateway : null, mistakes };
}

function parsed(text: string): unknown {
  if (text.length > textMax) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readFields(node: Node, context: GatewayContext): Gateway {
  fieldsOf(node, [...names, ...answerNames]);
  const secrets = readSecrets(child(node, "secrets"), context);
  const requests = { secrets, allowsHttp: context.allowsHttp };
  const gateway: Gateway = {
    channels: readChannels(child(node, "channels")),
    from: textOf(child(node, "from"), {
      fallback: "",
      pattern: /^[^\p{Cc}]{0,64}$/u,
      form: "at most 64 characters on one line",
    }),
    timeoutMs: readTimeout(child(node, "timeout_ms")),
    request: readRequest(child(node, "request"), requests),
    oauth: readOAuth(child(node, "oauth"), requests),
    check: isMissing(child(node, "check")) ? null : readUrlTemplate(child(node, "check"), requests, []),
    success: readSuccess(child(node, "success")),
    errors: readErrors(child(node, "errors")),
    errorCode: pointerOf(child(node, "error_code")),
    reports: readReports(child(node, "reports"), secrets),
  };
  if (node.mistakes.length === 0) checkTogether(node, gateway);
  return gateway;
}

/** Finds mistakes that no part shows alone. */
function checkTogether(node: Node, { request, from, oauth, reports }: Gateway): void {
  const used = variablesOfRequest(request);
  const place = child(node, "request");
  if (!used.has("to") && !used.has("to_digits")) refuse(place, "must hold the destination: write {to} or {to_digits}");
  if (!used.has("text") && !used.has("code")) refuse(place, "must hold the message: write {text} or {code}");
  if (used.has("from") && from === "") refuse(child(node, "from"), "is missing, and the request uses {from}: add it");
  if (used.has("report_url") && reports === null) {
    refuse(child(node, "reports"), "is missing, and the request uses {report_url}: add it, or remove {report_url}");
  }
  const authorizations = [request.basic, oauth, request.headers.find(([name]) => name === "authorization")];
  if (authorizations.filter((given) => given !== null && given !== undefined).length > 1) {
    refuse(place, "must have one Authorization: keep the header, basic or oauth");
  }
}

function readChannels(node: Node): readonly Channel[] {
  const items = itemsOf(node);
  if (items.length === 0 && Array.isArray(node.value)) refuse(node, "must name at least one channel");
  return items.flatMap((item) => {
    const channel = channels.find((known) => known === item.value);
    if (channel === undefined) refuse(item, `must be one of ${channels.join(", ")}`);
    return channel === undefined ? [] : [channel];
  });
}

function readTimeout(node: Node): number {
  if (isMissing(node)) return 10_000;
  const { value } = node;
  if (typeof value === "number" && Number.isInteger(value) && value >= 100 && value <= 30_000) return value;
  refuse(node, "must be a whole number of milliseconds from 100 to 30000");
  return 10_000;
}
