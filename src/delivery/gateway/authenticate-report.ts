import { createHash, timingSafeEqual } from "node:crypto";
import { jwtVerify } from "jose";
import type { ReportAuthentication } from "../../model/gateway.js";
import { basicCredentials } from "../http/basic-credentials.js";
import type { ReportRequest } from "../provider.js";
import { signatureOf } from "./write-request.js";

/** Returns whether a report is the carrier's own. It compares in constant time and never throws. */
export async function isAuthentic(authentication: ReportAuthentication, request: ReportRequest): Promise<boolean> {
  const { headers, body } = request;
  switch (authentication.type) {
    case "hmac":
      return isEqual(headers[authentication.header], signatureOf(authentication, body));
    case "header":
      return isEqual(headers[authentication.header], authentication.value.reveal());
    case "basic":
      // The name of a scheme is written in either case (RFC 9110 §11.1).
      return isEqual(
        headers.authorization?.replace(/^basic /i, "Basic "),
        basicCredentials(authentication.user, authentication.password.reveal()),
      );
    case "query": {
      const given = URL.canParse(request.url) ? new URL(request.url).searchParams.getAll(authentication.name) : [];
      return given.length === 1 && isEqual(given[0], authentication.value.reveal());
    }
    case "jwt":
      return await isSigned(authentication, request);
  }
}

function isEqual(given: string | undefined, expected: string): boolean {
  return given !== undefined && timingSafeEqual(hashOf(given), hashOf(expected));
}

function hashOf(bytes: string | Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** Clocks of carriers differ by at most this. Signatures of carriers last for a few seconds or minutes. */
const toleranceSeconds = 60;

async function isSigned(
  { header, key, issuer, urlHash, bodyHash }: Extract<ReportAuthentication, { readonly type: "jwt" }>,
  { headers, url, body, now }: ReportRequest,
): Promise<boolean> {
  try {
    const { payload } = await jwtVerify(headers[header] ?? "", Buffer.from(key.reveal()), {
      algorithms: ["HS256"],
      requiredClaims: ["exp"],
      clockTolerance: toleranceSeconds,
      currentDate: new Date(now),
      ...(issuer === null ? {} : { issuer }),
    });
    const claim = (name: string): string => (typeof payload[name] === "string" ? payload[name] : "");
    const isUrlSigned = urlHash === null || isEqual(claim(urlHash), hashOf(url).toString("hex"));
    // A token without this claim is for a request without a body.
    const isBodySigned =
      bodyHash === null ? body.length === 0 : isEqual(claim(bodyHash), body.length === 0 ? "" : hashOf(body).toString("hex"));
    return isUrlSigned && isBodySigned;
  } catch {
    return false;
  }
}
