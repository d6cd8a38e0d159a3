import type { GatewayReports, ReportAuthentication, ReportedStatus } from "../../../model/gateway.js";
import { child, fieldsOf, isMissing, type Node, pointerOf, refuse, requiredPointerOf, textOf, wordOf } from "./node.js";
import { readReceipt, receiptNames } from "./read-answers.js";
import { headerRule, readSignature } from "./read-request.js";
import type { Secrets } from "./secrets.js";
import { readSealed } from "./template.js";

const reportedStatuses = ["sent", "delivered", "undelivered", "failed", "expired"] as const satisfies readonly ReportedStatus[];

const names = ["authentication", "format", "list", "reference", "status", "statuses", "cause", ...receiptNames];

export function readReports(node: Node, secrets: Secrets): GatewayReports | null {
  if (isMissing(node)) return null;
  fieldsOf(node, names);
  const format = wordOf(child(node, "format"), ["json", "form", "query"], "json");
  const authentication = readAuthentication(child(node, "authentication"), secrets);
  const receipt = readReceipt(node);
  const reference = pointerOf(child(node, "reference"));
  if (reference === null && receipt.messageId === null) {
    refuse(node, "must say how a report names its message: add message_id, reference or both");
  }
  if (
    format === "query" &&
    (authentication.type === "hmac" || (authentication.type === "jwt" && authentication.urlHash === null))
  ) {
    refuse(child(node, "authentication"), "must cover the URL, because the reports stand in it");
  }
  if (format !== "query" && authentication.type === "jwt" && authentication.bodyHash === null) {
    refuse(child(node, "authentication"), "must cover the body, because the reports stand in it: add body_hash");
  }
  return {
    authentication,
    format,
    list: pointerOf(child(node, "list")),
    reference,
    status: requiredPointerOf(child(node, "status")),
    statuses: readStatuses(child(node, "statuses")),
    cause: pointerOf(child(node, "cause")),
    ...receipt,
  };
}

function readStatuses(node: Node): ReadonlyMap<string, ReportedStatus> {
  return new Map(fieldsOf(node, null).map(([word, status]) => [word, wordOf(status, reportedStatuses)] as const));
}

/** The operator chooses these secrets, so they can be long enough. */
const chosen = { lengthMin: 16 };

function readAuthentication(node: Node, secrets: Secrets): ReportAuthentication {
  if (isMissing(node)) {
    refuse(node, "is missing: say how the carrier proves its reports, because strangers can post others");
    return { type: "query", name: "", value: readSealed({ ...node, value: "" }, secrets, { lengthMin: 0 }) };
  }
  const type = wordOf(child(node, "type"), ["hmac", "header", "basic", "query", "jwt"]);
  switch (type) {
    case "hmac":
      return { type, ...readSignature(node, secrets, ["type"]) };
    case "header":
      fieldsOf(node, ["type", "header", "value"]);
      return {
        type,
        header: textOf(child(node, "header"), headerRule).toLowerCase(),
        value: readSealed(child(node, "value"), secrets, chosen),
      };
    case "basic":
      fieldsOf(node, ["type", "user", "password"]);
      return {
        type,
        user: textOf(child(node, "user"), { pattern: /^[^:\p{Cc}]+$/u, form: "a name without a colon" }),
        password: readSealed(child(node, "password"), secrets, chosen),
      };
    case "query":
      fieldsOf(node, ["type", "name", "value"]);
      return {
        type,
        name: textOf(child(node, "name"), { pattern: /^[A-Za-z0-9_-]+$/, form: "the name of a parameter" }),
        value: readSealed(child(node, "value"), secrets, chosen),
      };
    case "jwt":
      return readJwt(node, secrets);
  }
}

function readJwt(node: Node, secrets: Secrets): ReportAuthentication {
  fieldsOf(node, ["type", "header", "key", "issuer", "url_hash", "body_hash"]);
  const claim = (name: string): string | null => textOf(child(node, name), { fallback: "" }) || null;
  return {
    type: "jwt",
    header: textOf(child(node, "header"), headerRule).toLowerCase(),
    key: readSealed(child(node, "key"), secrets),
    issuer: claim("issuer"),
    urlHash: claim("url_hash"),
    bodyHash: claim("body_hash"),
  };
}
