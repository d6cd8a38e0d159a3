import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { codeTo } from "./support/caller.js";
import { type Latchkey, startLatchkey } from "./support/latchkey.js";
import { buf, repository } from "./support/paths.js";
import { run, runWell } from "./support/run.js";

let latchkey: Latchkey;

beforeAll(async () => {
  latchkey = await startLatchkey();
});
afterAll(() => latchkey.stop());

const service = "latchkey.v1.AuthService";
const schema = ["--schema", join(repository, "proto")];

describe.each([
  { name: "gRPC with reflection v1", port: "grpc", flags: ["--protocol", "grpc", "--reflect-protocol", "grpc-v1"] },
  { name: "gRPC with reflection v1alpha", port: "grpc", flags: ["--protocol", "grpc", "--reflect-protocol", "grpc-v1alpha"] },
  { name: "gRPC-Web", port: "http", flags: ["--protocol", "grpcweb", ...schema] },
  { name: "Connect", port: "http", flags: ["--protocol", "connect", ...schema] },
] as const)("buf curl over $name", ({ name, port, flags }) => {
  it("lists the methods", async () => {
    const printed = await runWell(buf, ["curl", ...flags, "--list-methods", `http://localhost:${latchkey.ports[port]}`]);
    expect(printed).toContain(`${service}/SendOtp`);
  });

  it("signs in, reads the user, signs out, and reads why the token is refused afterwards", async () => {
    const email = `${name.toLowerCase().replaceAll(" ", "-")}@example.com`;
    const { challenge } = await call("SendOtp", { email, createUserIfMissing: true });
    const code = await codeTo(latchkey, challenge.challengeId);
    const { tokens, user } = await call("VerifyOtp", { challengeId: challenge.challengeId, code });
    const signedIn = ["--header", `authorization: Bearer ${tokens.accessToken}`];
    expect((await call("GetCurrentUser", {}, signedIn)).user).toEqual(user);
    await call("RevokeToken", { token: tokens.refreshToken });

    const { exitCode, stderr } = await run(buf, argumentsOf("GetCurrentUser", {}, signedIn));
    expect(exitCode).not.toBe(0);
    const refused = JSON.parse(stderr) as { code: string; details: { type: string; value: string }[] };
    expect(refused).toMatchObject({ code: "unauthenticated", details: [{ type: "google.rpc.ErrorInfo" }] });
    const info = fromBinary(ErrorInfoSchema, Buffer.from(refused.details[0]!.value, "base64"));
    expect(info).toMatchObject({ reason: "TOKEN_INVALID", domain: "latchkey" });
  });

  // biome-ignore lint/suspicious/noExplicitAny: the answers of any method
  async function call(method: string, request: object, more: readonly string[] = []): Promise<any> {
    return JSON.parse(await runWell(buf, argumentsOf(method, request, more)));
  }

  function argumentsOf(method: string, request: object, more: readonly string[]): string[] {
    const url = `http://localhost:${latchkey.ports[port]}/${service}/${method}`;
    return ["curl", ...flags, ...more, "--data", JSON.stringify(request), url];
  }
});
