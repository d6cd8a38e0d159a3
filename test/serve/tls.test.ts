import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGrpcClient } from "../../src/client/grpc.js";
import {
  type Env,
  endServers,
  grpcCredentials,
  newFolder,
  productionEnv,
  type Server,
  startServer,
  type Trust,
} from "../support/server.js";
import { createAuthority } from "../support/tls.js";
import { refusal } from "./refusals.js";
import { reasonOf } from "./sign-in.js";

const authority = createAuthority();
const clients = createAuthority("Latchkey test client CA");
const certificate = authority.issue(["localhost", "127.0.0.1"]);
const ca = authority.cert;

/** Production that does TLS itself, with its files in the folder. */
function tlsEnv(folder: string, more: Env = {}): Env {
  const write = (name: string, pem: string): string => {
    writeFileSync(join(folder, name), pem, { mode: 0o600 });
    return join(folder, name);
  };
  return {
    ...productionEnv(),
    LATCHKEY_TLS: "files",
    LATCHKEY_TLS_CERT: write("cert.pem", certificate.cert),
    LATCHKEY_TLS_KEY: write("key.pem", certificate.key),
    ...(more.LATCHKEY_TLS_CLIENT_CA === undefined ? {} : { LATCHKEY_TLS_CLIENT_CA: write("client-ca.pem", clients.cert) }),
  };
}

afterAll(endServers);

/** Whether the server answers on its gRPC door to a client that trusts and shows what is given. */
async function answersGrpc(server: Server, trust: Trust | undefined): Promise<boolean> {
  const client = createGrpcClient(server.grpcAddress, grpcCredentials(trust), {
    channel: { "grpc.use_local_subchannel_pool": 1, "grpc.enable_retries": 0 },
  });
  const reason = await reasonOf(client.revokeToken({ token: "unknown" }, { timeoutMs: 3_000 }));
  client.close();
  return reason === null;
}

describe("TLS by settings", () => {
  let server: Server;
  beforeAll(async () => {
    const folder = newFolder();
    server = await startServer(tlsEnv(folder), { folder, trust: { ca } });
  });

  it("both doors answer to whoever trusts the authority", async () => {
    expect(await reasonOf(server.grpc.revokeToken({ token: "unknown" }))).toBeNull();
    await server.auth.revokeToken({ token: "unknown" });
  });

  it("neither answers in the clear, and the server lives on", async () => {
    expect(await answersGrpc(server, undefined)).toBe(false);
    await expect(fetch(server.httpUrl.replace("https:", "http:"))).rejects.toThrow();
    expect(await answersGrpc(server, { ca })).toBe(true);
  });

  it("a client that trusts another authority refuses the server", async () => {
    expect(await answersGrpc(server, { ca: clients.cert })).toBe(false);
  });
});

describe("mTLS by settings", () => {
  let server: Server;
  const known = { ca, ...clients.issue(["backend"], "client") };
  beforeAll(async () => {
    const folder = newFolder();
    server = await startServer(tlsEnv(folder, { LATCHKEY_TLS_CLIENT_CA: "yes" }), { folder, trust: known });
  });

  it("both doors answer to clients with a certificate of the authority", async () => {
    expect(await reasonOf(server.grpc.revokeToken({ token: "unknown" }))).toBeNull();
    await server.auth.revokeToken({ token: "unknown" });
  });

  it.each<[string, () => Trust]>([
    ["no certificate", () => ({ ca })],
    ["a certificate of another authority", () => ({ ca, ...authority.issue(["backend"], "client") })],
  ])("a client with %s is refused", async (_, trust) => {
    expect(await answersGrpc(server, trust())).toBe(false);
  });
});

describe("a start is refused in one sentence for", () => {
  it.each<[string, (env: Env, folder: string) => Env, RegExp]>([
    [
      "a key of another certificate",
      (env, folder) => {
        writeFileSync(join(folder, "key.pem"), authority.issue(["localhost"]).key);
        return env;
      },
      /^LATCHKEY_TLS_KEY is not the key of LATCHKEY_TLS_CERT/,
    ],
    [
      "a certificate that is not there",
      (env) => ({ ...env, LATCHKEY_TLS_CERT: "/nowhere.pem" }),
      /^LATCHKEY_TLS_CERT names a file/,
    ],
    [
      "a key that is no PEM",
      (env, folder) => {
        writeFileSync(join(folder, "key.pem"), "hunter2");
        return env;
      },
      /^LATCHKEY_TLS_KEY names a file that is not a private key/,
    ],
  ])("%s", async (_, change, sentence) => {
    const folder = newFolder();
    expect(await refusal(change(tlsEnv(folder), folder), folder)).toMatch(sentence);
  });
});
