import { X509Certificate } from "node:crypto";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import { createGrpcClient } from "../../src/client/grpc.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { reasonOf } from "../serve/sign-in.js";
import { testDatabases, urlOf } from "../support/postgres.js";
import {
  developmentEnv,
  type Env,
  endServers,
  grpcCredentials,
  newFolder,
  productionEnv,
  type Server,
  startServer,
  type Trust,
  until,
} from "../support/server.js";
import { type Certificate, createAuthority } from "../support/tls.js";

afterEach(endServers);

const databases = testDatabases();
const authority = createAuthority();
const { cert: ca } = authority;
const names = ["localhost", "127.0.0.1"];
const day = 24 * 60 * 60_000;

/** Files of a server in a folder of their own, and ways to renew them. */
function newFiles() {
  const folder = newFolder();
  const [cert, key, clientCa] = ["cert.pem", "key.pem", "client-ca.pem"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  /** As an ACME client does: a new file gets the old one's name. */
  function rename(path: string, pem: string): void {
    writeFileSync(`${path}.new`, pem);
    renameSync(`${path}.new`, path);
  }
  let version = 0;
  return {
    folder,
    cert,
    key,
    clientCa,
    rename,
    renamePair(pair: Certificate): void {
      rename(cert, pair.cert);
      rename(key, pair.key);
    },
    /** As Kubernetes does: the files are links into a folder that is itself a link, which changes its target. */
    relinkPair(pair: Certificate): void {
      version += 1;
      mkdirSync(join(folder, `v${version}`));
      writeFileSync(join(folder, `v${version}`, "cert.pem"), pair.cert);
      writeFileSync(join(folder, `v${version}`, "key.pem"), pair.key);
      symlinkSync(`v${version}`, join(folder, "data.new"));
      renameSync(join(folder, "data.new"), join(folder, "data"));
      for (const name of ["cert.pem", "key.pem"]) {
        symlinkSync(`data/${name}`, join(folder, `${name}.link`));
        renameSync(join(folder, `${name}.link`), join(folder, name));
      }
    },
  };
}

type Files = ReturnType<typeof newFiles>;

const tlsEnv = ({ cert, key }: Files, more: Env = {}): Env => ({
  ...productionEnv(),
  LATCHKEY_TLS: "files",
  LATCHKEY_TLS_CERT: cert,
  LATCHKEY_TLS_KEY: key,
  ...more,
});

async function serveWith(files: Files, more: Env = {}, trust: Trust = { ca }): Promise<Server> {
  files.renamePair(authority.issue(names));
  return await startServer(tlsEnv(files, more), { trust });
}

const ports = ({ grpcAddress, httpUrl }: Server) => [Number(grpcAddress.split(":")[1]), Number(new URL(httpUrl).port)];

/** What a door shows to a connection that is made now. */
function shownAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: "127.0.0.1", ca, ALPNProtocols: ["h2"] }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

const fingerprint = (pair: Certificate) => new X509Certificate(pair.cert).fingerprint256;

/** Resolves when so many new connections to each door in a row are shown this certificate. */
async function inUse(server: Server, pair: Certificate, connections = 1): Promise<void> {
  await until("the renewed certificate", async () => {
    const asked = ports(server).flatMap((port) => Array.from({ length: connections }, () => shownAt(port)));
    const shown = await Promise.all(asked);
    return shown.every((one) => one === fingerprint(pair)) || undefined;
  });
}

const hangUp = (server: Server): void => void process.kill(server.pid, "SIGHUP");
const notRenewed = "the TLS files were not renewed";
const logged = (server: Server, text: string) => server.stdout.filter((line) => line.includes(text));
const channel = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_retries": 0 };

/** Calls over kept and over new connections of both doors, one after the other on each way. Gives what stops it and counts. */
function callWithoutPause(server: Server) {
  const web = (options: { httpVersion: "1.1" | "2"; agent?: Agent }) => {
    const { httpVersion, ...more } = options;
    const transport = createConnectTransport({ baseUrl: server.httpUrl, httpVersion, nodeOptions: { ca, ...more } });
    return createClient(AuthService, transport);
  };
  const kept = {
    grpc: server.grpc,
    web1: web({ httpVersion: "1.1", agent: new Agent({ keepAlive: true }) }),
    web2: web({ httpVersion: "2" }),
  };
  const ways: Record<string, () => Promise<unknown>> = {
    "kept gRPC": () => kept.grpc.revokeToken({ token: "unknown" }),
    "kept HTTP/1.1": () => kept.web1.revokeToken({ token: "unknown" }),
    "kept HTTP/2": () => kept.web2.revokeToken({ token: "unknown" }),
    async "new gRPC"() {
      const client = createGrpcClient(server.grpcAddress, grpcCredentials({ ca }), { channel });
      await client.revokeToken({ token: "unknown" }).finally(() => client.close());
    },
    "new HTTP/1.1": () => web({ httpVersion: "1.1", agent: new Agent({ keepAlive: false }) }).revokeToken({ token: "unknown" }),
  };
  let running = true;
  const counts = Object.fromEntries(Object.keys(ways).map((way) => [way, 0]));
  const failures: string[] = [];
  const loops = Object.entries(ways).map(async ([way, call]) => {
    while (running) {
      await call().catch((error: unknown) => failures.push(`${way}: ${String(error)}`));
      counts[way]! += 1;
    }
  });
  return {
    counts,
    async stop(): Promise<readonly string[]> {
      running = false;
      await Promise.all(loops);
      return failures;
    },
  };
}

describe("TLS files", () => {
  it("are renewed 20 times under load, by renamed files and by links: no call fails, kept connections go on", async () => {
    const files = newFiles();
    const server = await serveWith(files);
    const load = callWithoutPause(server);
    const seen = new Set<string>();
    for (let renewal = 0; renewal < 20; renewal += 1) {
      const pair = authority.issue(names);
      const before = { ...load.counts };
      if (renewal % 2 === 0) files.renamePair(pair);
      else files.relinkPair(pair);
      hangUp(server);
      await inUse(server, pair);
      seen.add(fingerprint(pair));
      await until(
        "calls on every way",
        () => Object.keys(before).every((way) => load.counts[way]! > before[way]!) || undefined,
      );
    }
    expect(await load.stop()).toEqual([]);
    expect(seen.size).toBe(20);
    expect(logged(server, notRenewed)).toEqual([]);
  }, 60_000);

  it.each(["renamePair", "relinkPair"] as const)("are seen without a signal (%s)", async (renew) => {
    const files = newFiles();
    const server = await serveWith(files);
    const pair = authority.issue(names);
    files[renew](pair);
    await inUse(server, pair);
    expect(logged(server, "the TLS files were renewed").length).toBeGreaterThan(0);
    files.rename(files.key, authority.issue(names).key);
    await until("the log to say what is wrong", () => logged(server, notRenewed)[0]);
  });

  it("are renewed by all workers", async () => {
    const files = newFiles();
    const database = { LATCHKEY_DATABASE_URL: urlOf(await databases.create()) };
    const server = await serveWith(files, { ...database, LATCHKEY_WORKERS: "2" });
    const pair = authority.issue(names);
    files.relinkPair(pair);
    hangUp(server);
    await inUse(server, pair, 6);
    expect(server.stdout.filter((line) => line.includes("a worker ended"))).toEqual([]);
    const metrics = await (await fetch(server.metricsUrl)).text();
    const left = Number(/^latchkey_tls_certificate_expires_in_seconds (\S+)$/m.exec(metrics)![1]);
    // A sum over the workers would be twice as much.
    expect(left).toBeLessThan(100 * 366 * 24 * 3600);
  });

  const broken: [string, (files: Files) => void, string][] = [
    [
      "no certificate",
      ({ rename, cert }) => rename(cert, "hunter2"),
      "LATCHKEY_TLS_CERT names a file that is not a certificate",
    ],
    [
      "the key of another certificate",
      ({ rename, key }) => rename(key, authority.issue(names).key),
      "LATCHKEY_TLS_KEY is not the key of LATCHKEY_TLS_CERT",
    ],
    [
      "a certificate that has expired",
      ({ renamePair }) => renamePair(authority.issue(names, "server", { from: Date.now() - 2 * day, to: Date.now() - day })),
      "LATCHKEY_TLS_CERT names a certificate that expired on",
    ],
    [
      "a certificate that is not valid yet",
      ({ renamePair }) => renamePair(authority.issue(names, "server", { from: Date.now() + day, to: Date.now() + 2 * day })),
      "LATCHKEY_TLS_CERT names a certificate that is valid from",
    ],
    [
      "a missing file",
      ({ key }) => renameSync(key, `${key}.away`),
      "LATCHKEY_TLS_KEY names a file that cannot be read (ENOENT)",
    ],
  ];
  it.each(broken)("with %s change nothing and are logged once; the next good pair is used", async (_, spoil, sentence) => {
    const files = newFiles();
    const server = await serveWith(files);
    const [before] = await Promise.all(ports(server).map(shownAt));
    spoil(files);
    hangUp(server);
    await until("the log to say so", () => logged(server, sentence)[0]);
    hangUp(server);
    const metrics = await (await fetch(server.metricsUrl)).text();
    expect(metrics).toMatch(/^latchkey_tls_certificate_expires_in_seconds [1-9]/m);
    expect(await Promise.all(ports(server).map(shownAt))).toEqual([before, before]);
    expect(await reasonOf(server.grpc.revokeToken({ token: "unknown" }))).toBeNull();
    const good = authority.issue(names);
    files.renamePair(good);
    hangUp(server);
    await inUse(server, good);
    expect(logged(server, notRenewed)).toHaveLength(1);
    expect(server.stdout.join("\n")).not.toMatch(/hunter2|PRIVATE KEY/);
  });
});

describe("the authority of clients", () => {
  const [old, next] = [createAuthority("old"), createAuthority("next")];
  const [oldClient, nextClient] = [old.issue(["backend"], "client"), next.issue(["backend"], "client")];

  async function isAccepted(server: Server, pair: Certificate): Promise<boolean> {
    const client = createGrpcClient(server.grpcAddress, grpcCredentials({ ca, ...pair }), { channel });
    const reason = await reasonOf(client.revokeToken({ token: "unknown" }, { timeoutMs: 5_000 }));
    client.close();
    return reason === null;
  }

  /** Connects with a session of an earlier connection, if given. Gives the session that the door offers; null: it hung up. */
  function sessionAt(port: number, pair: Certificate, session?: Buffer): Promise<Buffer | null> {
    return new Promise((resolve) => {
      const socket = connectTls({ port, host: "127.0.0.1", ca, ...pair, session, ALPNProtocols: ["h2"] });
      socket.on("session", (offered: Buffer) => {
        resolve(offered);
        socket.destroy();
      });
      socket.on("error", () => resolve(null));
      socket.on("close", () => resolve(null));
    });
  }

  it("is renewed with its file: the old one's clients are refused, also with a session that they had", async () => {
    const files = newFiles();
    files.rename(files.clientCa, old.cert);
    const server = await serveWith(files, { LATCHKEY_TLS_CLIENT_CA: files.clientCa }, { ca, ...oldClient });
    expect([await isAccepted(server, oldClient), await isAccepted(server, nextClient)]).toEqual([true, false]);
    expect(await reasonOf(server.grpc.revokeToken({ token: "unknown" }))).toBeNull();
    const sessions = await Promise.all(ports(server).map((port) => sessionAt(port, oldClient)));
    expect(sessions).not.toContain(null);

    files.rename(files.clientCa, next.cert);
    hangUp(server);
    await until("the new authority", async () => ((await isAccepted(server, nextClient)) ? true : undefined));
    expect(await isAccepted(server, oldClient)).toBe(false);
    const resumed = await Promise.all(ports(server).map((port, n) => sessionAt(port, oldClient, sessions[n]!)));
    expect(resumed).toEqual([null, null]);
    // A connection that was there before goes on.
    expect(await reasonOf(server.grpc.revokeToken({ token: "unknown" }))).toBeNull();
  });
});

it.each<[string, () => Env]>([
  ["development", developmentEnv],
  ["production behind a proxy that does TLS", productionEnv],
])("SIGHUP without TLS files is ignored, with a line in the log: %s", async (_, env) => {
  const server = await startServer(env());
  hangUp(server);
  await until("the line", () => logged(server, "SIGHUP ignored")[0]);
  expect(await reasonOf(server.grpc.revokeToken({ token: "unknown" }))).toBeNull();
  expect((await server.stop()).code).toBe(0);
});
