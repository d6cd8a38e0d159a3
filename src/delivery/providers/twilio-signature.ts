import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { ReportRequest } from "../provider.js";

/**
 * Returns the form of a request that Twilio signed with the auth token (X-Twilio-Signature), or null if it did not. A signature is
 * the HMAC-SHA1 of the URL, followed by the name and value of each parameter in the order of the names. For a body that is not a
 * form, the URL alone is signed; it then holds the SHA-256 of the body as `bodySHA256`.
 * https://www.twilio.com/docs/usage/security#validating-requests
 */
export function readSignedForm(request: ReportRequest, token: string): URLSearchParams | null {
  const signature = request.headers["x-twilio-signature"] ?? "";
  const bodyHash = URL.canParse(request.url) ? new URL(request.url).searchParams.get("bodySHA256") : null;
  if (bodyHash !== null) {
    const isBody = equal(createHash("sha256").update(request.body).digest("hex"), bodyHash);
    return isSigned(request.url, "", { signature, token }) && isBody ? readJson(request.body) : null;
  }
  const form = new URLSearchParams(request.body.toString("utf8"));
  return isSigned(request.url, signedParameters(form), { signature, token }) ? form : null;
}

/** Each pair of a name and a value counts once. A search of the form for each name would take seconds for a hostile form. */
function signedParameters(form: URLSearchParams): string {
  const values = new Map<string, Set<string>>();
  for (const [name, value] of form) {
    const known = values.get(name);
    if (known === undefined) values.set(name, new Set([value]));
    else known.add(value);
  }
  return [...values.keys()]
    .sort()
    .flatMap((name) => [...values.get(name)!].sort().map((value) => name + value))
    .join("");
}

/** Twilio signs the URL with or without its default port, depending on the product. */
function isSigned(url: string, parameters: string, { signature, token }: { signature: string; token: string }): boolean {
  return urlsOf(url)
    .map((form) =>
      createHmac("sha1", token)
        .update(form + parameters, "utf8")
        .digest("base64"),
    )
    .some((expected) => equal(expected, signature));
}

function urlsOf(url: string): readonly string[] {
  const [, scheme = "", host = "", port, rest = ""] = /^(https?):\/\/([^/:?#]+)(:\d+)?(.*)$/s.exec(url) ?? [];
  if (host === "") return [url];
  if (port !== undefined) return [url, `${scheme}://${host}${rest}`];
  return [url, `${scheme}://${host}:${scheme === "https" ? 443 : 80}${rest}`];
}

function readJson(body: Buffer): URLSearchParams {
  const form = new URLSearchParams();
  try {
    const parsed: unknown = JSON.parse(body.toString("utf8"));
    for (const [name, value] of Object.entries(parsed ?? {})) {
      if (typeof value === "string" || typeof value === "number") form.append(name, String(value));
    }
  } catch {
    // The caller finds no parameters and takes the report for malformed.
  }
  return form;
}

/** Compares in a time that does not depend on the content. */
function equal(expected: string, given: string): boolean {
  const [left, right] = [Buffer.from(expected), Buffer.from(given)];
  return left.length === right.length && timingSafeEqual(left, right);
}
