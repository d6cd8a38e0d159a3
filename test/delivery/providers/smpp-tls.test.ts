import { describe, expect, test } from "vitest";
import { createAuthority } from "../../support/tls.js";
import { message } from "../fixtures.js";
import { center, smpp, useCenters } from "./smpp-harness.js";

useCenters();

const authority = createAuthority();
const certificate = authority.issue(["localhost", "127.0.0.1"]);
const secure = { secure: true, connectTimeoutMs: 1_000 };

describe("smpps://", () => {
  test.each(["127.0.0.1", "localhost"])("encrypts the session with %s, whose authority is named", async (host) => {
    const started = await center({ certificate });
    const provider = smpp(started.port, { ...secure, host, ca: authority.cert });
    expect((await provider.send(message("sms"))).kind).toBe("sent");
    expect(started.texts()).toHaveLength(1);
  });

  test.each([
    ["an authority that is not trusted", certificate, null],
    ["another authority than the named one", createAuthority("Another CA").issue(["127.0.0.1"]), authority.cert],
    ["a certificate for another host", authority.issue(["smsc.example.com"]), authority.cert],
  ])("sends nothing to %s, not even the password, and says what to change", async (_name, other, ca) => {
    const started = await center({ certificate: other });
    const result = await smpp(started.port, { ...secure, ca }).send(message("sms"));
    expect(result).toMatchObject({ kind: "unavailable", isMisconfigured: true });
    expect(result.detail).toMatch(/^no trusted TLS connection to the message center \([A-Z_]+\): .*`ca`/);
    expect([started.binds, started.submits]).toEqual([[], []]);
  });

  test("goes to any certificate with insecure=1", async () => {
    const started = await center({ certificate: createAuthority("Another CA").issue(["smsc.example.com"]) });
    expect((await smpp(started.port, { ...secure, insecure: true }).send(message("sms"))).kind).toBe("sent");
  });

  test("sends nothing in the clear to a server without TLS", async () => {
    const started = await center();
    const result = await smpp(started.port, { ...secure, ca: authority.cert }).send(message("sms"));
    expect(result.kind).toBe("unavailable");
    expect([started.binds, started.submits]).toEqual([[], []]);
  });
});
