import { describe, expect, test } from "vitest";
import { resultOfNoAnswer, resultOfStatus, retryAfterOf } from "../../../src/delivery/http/carrier-result.js";

const now = Date.parse("2026-01-05T10:00:00Z");
const answer = (status: number, headers: Record<string, string> = {}) => ({ status, headers, body: Buffer.alloc(0) });

describe("the status of an answer", () => {
  test.each([
    [200, null],
    [201, null],
    [400, null],
    [404, null],
    [422, null],
    [302, { kind: "unavailable", isMisconfigured: true }],
    [401, { kind: "unavailable", isMisconfigured: true }],
    [403, { kind: "unavailable", isMisconfigured: true }],
    [408, { kind: "unavailable" }],
    [429, { kind: "temporary" }],
    [500, { kind: "unknown" }],
    [502, { kind: "unknown" }],
    [503, { kind: "unavailable" }],
    [504, { kind: "unknown" }],
  ])("%i means the same for every carrier, or null", (status, result) => {
    if (result === null) expect(resultOfStatus(answer(status), now)).toBeNull();
    else expect(resultOfStatus(answer(status), now)).toMatchObject(result);
  });

  test.each([429, 503])("%i says how long to wait", (status) => {
    expect(resultOfStatus(answer(status, { "retry-after": "7" }), now)).toMatchObject({ retryAfterMs: 7_000 });
    expect(resultOfStatus(answer(status), now)).not.toHaveProperty("retryAfterMs");
  });
});

test.each([
  ["CERT_HAS_EXPIRED", true],
  ["ERR_TLS_CERT_ALTNAME_INVALID", true],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", true],
  ["ECONNRESET", undefined],
])("a TLS connection that fails with %s is unavailable, misconfigured: %s", (code, isMisconfigured) => {
  const result = resultOfNoAnswer({ kind: "not_sent", why: "tls", code });
  expect(result.kind).toBe("unavailable");
  expect("isMisconfigured" in result ? result.isMisconfigured : undefined).toBe(isMisconfigured);
});

describe("Retry-After", () => {
  test.each([
    ["0", 0],
    ["120", 120_000],
    ["9999999", 86_400_000],
    ["Mon, 05 Jan 2026 10:00:30 GMT", 30_000],
    ["Mon, 05 Jan 2026 09:00:00 GMT", 0],
    [undefined, null],
    ["", null],
    ["-1", null],
    ["1.5", null],
    ["soon", null],
    ["soon GMT", null],
  ])("%s is read as %s ms", (text, ms) => {
    expect(retryAfterOf(text, now)).toBe(ms);
  });
});
