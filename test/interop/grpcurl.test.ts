import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inboxMessages } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { run, runWell } from "./support/run.js";

let latchkey: Latchkey;

beforeAll(async () => {
  latchkey = await startLatchkey();
});
afterAll(() => latchkey.stop());

const service = "latchkey.v1.AuthService";

describe("grpcurl, from reflection alone,", () => {
  it("lists the services and the methods", async () => {
    const services = ["AppService", "AuthService", "DeliveryService", "TokenService", "UserService"].map(
      (name) => `latchkey.v1.${name}`,
    );
    expect(lines(await grpcurl("list")).toSorted()).toEqual(["grpc.health.v1.Health", ...services]);
    expect(lines(await grpcurl("list", service))).toEqual(
      expect.arrayContaining(
        ["RegisterUser", "SendOtp", "VerifyOtp", "RefreshToken", "RevokeToken"].map((name) => `${service}.${name}`),
      ),
    );
  });

  it("describes methods with their access rules, messages with their bounds, and the types that errors carry", async () => {
    expect(await grpcurl("describe", `${service}.SendOtp`)).toMatch(
      /\(\.latchkey\.v1\.access\) = \{ caller: CALLER_CLIENT, scope: "otp:send" \}/,
    );
    expect(await grpcurl("describe", "latchkey.v1.VerifyOtpRequest")).toMatch(
      /string code = 2 \[[^;]*\.buf\.validate\.field[^;]*max_len: 32/,
    );
    expect(await grpcurl("describe", "google.rpc.RetryInfo")).toContain("retry_delay");
  });

  it("reads that the server is healthy", async () => {
    expect(JSON.parse(await grpcurl("", "grpc.health.v1.Health/Check"))).toEqual({ status: "SERVING" });
  });
});

describe("grpcurl as a backend", () => {
  const basic = (): string => {
    const { clientId, clientSecret } = latchkey.backend;
    return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`;
  };
  const as = (authorization: string, email: string) => ["-H", `authorization: ${authorization}`, "-d", `{"email": "${email}"}`];

  it("gets a client token and sends a code with it", async () => {
    const printed = await grpcurl("-H", `authorization: ${basic()}`, "latchkey.v1.TokenService/IssueClientToken");
    const { accessToken, expiresIn } = JSON.parse(printed) as { accessToken: string; expiresIn: number };
    // Rounded down, so that no caller uses an expired token.
    expect(900 - expiresIn).toBeLessThan(5);
    const sent = JSON.parse(await grpcurl(...as(`Bearer ${accessToken}`, "token@example.com"), `${service}/SendOtp`));
    expect(sent.challenge.challengeId).toMatch(/^[\w-]{22}$/);
  });

  it("sends a code with the id and secret alone", async () => {
    const sent = JSON.parse(await grpcurl(...as(basic(), "basic@example.com"), `${service}/SendOtp`));
    expect(sent.challenge.challengeId).toMatch(/^[\w-]{22}$/);
  });

  it("reads a wrong secret as CLIENT_INVALID, and nothing is sent", async () => {
    const wrong = `Basic ${Buffer.from(`${latchkey.backend.clientId}:lk_${"A".repeat(43)}`).toString("base64")}`;
    expect(await refusedCall("SendOtp", as(wrong, "wrong@example.com"))).toEqual({
      code: "Unauthenticated",
      details: { ErrorInfo: { domain: "latchkey", reason: "CLIENT_INVALID" } },
    });
    expect((await inboxMessages(latchkey)).filter(({ to }) => to === "wrong@example.com")).toEqual([]);
  });
});

describe("grpcurl reads", () => {
  const unknownChallenge = '{"challengeId": "AAAAAAAAAAAAAAAAAAAAAA", "code": "123456"}';

  it.each([
    {
      what: "a wrong code",
      args: ["-d", unknownChallenge],
      method: "VerifyOtp",
      code: "Unauthenticated",
      reason: "CODE_INVALID",
    },
    { what: "no token", args: [], method: "GetCurrentUser", code: "Unauthenticated", reason: "TOKEN_INVALID" },
    {
      what: "a token that is none",
      args: ["-H", "authorization: Bearer nonsense"],
      method: "ListSessions",
      code: "Unauthenticated",
      reason: "TOKEN_INVALID",
    },
    {
      what: "a refresh token that is none",
      args: ["-d", '{"refreshToken": "nonsense"}'],
      method: "RefreshToken",
      code: "Unauthenticated",
      reason: "SESSION_ENDED",
    },
    {
      what: "an unknown client",
      args: ["-H", "x-latchkey-client: nobody", "-d", unknownChallenge],
      method: "VerifyOtp",
      code: "Unauthenticated",
      reason: "CLIENT_UNKNOWN",
    },
  ])("$what as $code with $reason in ErrorInfo", async ({ args, method, code, reason }) => {
    expect(await refusedCall(method, args)).toEqual({ code, details: { ErrorInfo: { domain: "latchkey", reason } } });
  });

  it("an invalid request as InvalidArgument with the field in BadRequest", async () => {
    expect(await refusedCall("SendOtp", ["-d", '{"email": "nobody"}'])).toEqual({
      code: "InvalidArgument",
      details: {
        ErrorInfo: { domain: "latchkey", reason: "REQUEST_INVALID" },
        BadRequest: { fieldViolations: [{ field: "email", description: expect.stringContaining("e-mail") }] },
      },
    });
  });

  it("a send within the cooldown as ResourceExhausted with the wait in RetryInfo", async () => {
    await grpcurl("-d", '{"email": "hasty@example.com"}', `${service}/SendOtp`);
    expect(await refusedCall("SendOtp", ["-d", '{"email": "hasty@example.com"}'])).toEqual({
      code: "ResourceExhausted",
      details: {
        ErrorInfo: { domain: "latchkey", reason: "TOO_MANY_REQUESTS" },
        RetryInfo: { retryDelay: expect.stringMatching(/^\d+(\.\d+)?s$/) },
      },
    });
  });
});

/** grpcurl wants flags first, then the address, then what to do. */
function argumentsOf(args: readonly string[]): string[] {
  const verbAt = args.findIndex((arg) => arg === "list" || arg === "describe" || arg.includes("/"));
  const flags = args.slice(0, verbAt).filter((arg) => arg !== "");
  return ["-plaintext", ...flags, latchkey.grpcAddress, ...args.slice(verbAt)];
}

function grpcurl(...args: readonly string[]): Promise<string> {
  return runWell("grpcurl", argumentsOf(args));
}

/** The status code and the details by type that a call is refused with. Details are readable only if reflection has their types. */
async function refusedCall(
  method: string,
  args: readonly string[],
): Promise<{ code: string; details: Record<string, object> }> {
  const { exitCode, stderr } = await run("grpcurl", ["-format-error", ...argumentsOf([...args, `${service}/${method}`])]);
  expect(exitCode).not.toBe(0);
  const status = JSON.parse(stderr) as { code: number; details: { "@type": string }[] };
  const details = status.details.map(({ "@type": type, ...detail }) => [
    type.replace("type.googleapis.com/google.rpc.", ""),
    detail,
  ]);
  return { code: codeNames[status.code] ?? String(status.code), details: Object.fromEntries(details) };
}

const codeNames: Record<number, string> = { 3: "InvalidArgument", 8: "ResourceExhausted", 16: "Unauthenticated" };

function lines(printed: string): string[] {
  return printed.trim().split("\n");
}
