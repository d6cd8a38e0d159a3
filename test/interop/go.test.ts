import { afterAll, beforeAll, expect, it } from "vitest";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { goProgram } from "./support/paths.js";
import { runWell } from "./support/run.js";

let latchkey: Latchkey;
let seen: Record<string, unknown>;

beforeAll(async () => {
  latchkey = await startLatchkey();
  const { clientId, clientSecret } = latchkey.backend;
  const args = [latchkey.grpcAddress, latchkey.inboxUrl, `${latchkey.issuer}/oauth2/token`, clientId];
  seen = JSON.parse(await runWell(goProgram, args, { env: { CLIENT_SECRET: clientSecret } }));
});
afterAll(() => latchkey.stop());

it("a Go program on generated stubs registers a user, signs in, refreshes, reads the user and lists one session", () => {
  expect(seen).toMatchObject({
    userId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    displayName: "Gopher",
    isNewUser: true,
    refreshed: true,
    currentUserId: seen.userId,
    sessions: 1,
  });
});

it("a Go program decodes ErrorInfo, RetryInfo and BadRequest of refusals", () => {
  const refused = (code: string, reason: string) => expect.objectContaining({ code, reason, domain: "latchkey" });
  expect(seen.refusals).toEqual({
    hastyResend: refused("ResourceExhausted", "TOO_MANY_REQUESTS"),
    wrongCode: refused("Unauthenticated", "CODE_INVALID"),
    invalidCode: refused("InvalidArgument", "REQUEST_INVALID"),
    accessAfterSignOut: refused("Unauthenticated", "TOKEN_INVALID"),
    refreshAfterSignOut: refused("Unauthenticated", "SESSION_ENDED"),
  });
  const { hastyResend, invalidCode } = seen.refusals as Record<string, { retryAfterMs: number; fieldViolations: string[] }>;
  expect(hastyResend?.retryAfterMs).toBeGreaterThan(0);
  expect(hastyResend?.retryAfterMs).toBeLessThan(60_000);
  expect(invalidCode?.fieldViolations).toEqual(["code"]);
});

it("a Go program gets a client token with golang.org/x/oauth2/clientcredentials and signs a user in over gRPC with it", () => {
  expect(seen.backend).toEqual({
    tokenType: "Bearer",
    signedIn: true,
    sameToken: true,
    wrongCode: { cause: "MISMATCH", attempts_left: "4" },
    withoutUser: expect.objectContaining({ code: "PermissionDenied", reason: "USER_REQUIRED" }),
  });
});

it("a Go program finds the services by reflection v1 and v1alpha", () => {
  const services = ["AppService", "AuthService", "DeliveryService", "TokenService", "UserService"].map(
    (name) => `latchkey.v1.${name}`,
  );
  const all = ["grpc.health.v1.Health", ...services];
  expect((seen.servicesV1 as string[]).toSorted()).toEqual(all);
  expect((seen.servicesV1Alpha as string[]).toSorted()).toEqual(all);
});
