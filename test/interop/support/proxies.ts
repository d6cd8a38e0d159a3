import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../support/ports.js";
import type { Certificate } from "../../support/tls.js";
import type { Ports } from "./latchkey.js";
import { listens } from "./listens.js";
import { repository } from "./paths.js";
import { cleanEnv } from "./run.js";
import { until } from "./until.js";

/** The host name of the example files. */
export const hostName = "auth.example.com";

export interface RunningProxy {
  /** Where it serves TLS on 127.0.0.1. */
  readonly port: number;
  /** Where it serves HTTP on 127.0.0.1, to send callers to HTTPS. */
  readonly plainPort: number;
  stop(): Promise<void>;
}

interface Example {
  readonly file: string;
  /** What the file says of its surroundings, and what stands there in a test. */
  readonly replaced: (given: Given) => readonly (readonly [text: string, by: string])[];
  /** Programs that are run with the file; `folder` is for what they write. */
  readonly command: (path: string, folder: string) => readonly [string, ...string[]];
}

interface Given {
  readonly ports: Ports;
  readonly cert: string;
  readonly key: string;
  readonly plainPort: number;
  readonly port: number;
  readonly adminPort: number;
}

const upstreams = ({ ports }: Given) =>
  [
    ["127.0.0.1:50051", `127.0.0.1:${ports.grpc}`],
    ["127.0.0.1:8080", `127.0.0.1:${ports.http}`],
  ] as const;

const examples: Readonly<Record<"nginx" | "caddy", Example>> = {
  nginx: {
    file: "deploy/proxies/nginx.conf",
    replaced: (given) => [
      ...upstreams(given),
      ["/etc/letsencrypt/live/auth.example.com/fullchain.pem", given.cert],
      ["/etc/letsencrypt/live/auth.example.com/privkey.pem", given.key],
      ["listen 80;", `listen ${given.plainPort};`],
      ["listen [::]:80;", `listen [::]:${given.plainPort};`],
      ["listen 443 ", `listen ${given.port} `],
      ["listen [::]:443 ", `listen [::]:${given.port} `],
    ],
    command(path, folder) {
      const main = join(folder, "main.conf");
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (kind) => `${kind}_temp_path ${join(folder, kind)};`,
      );
      writeFileSync(
        main,
        `daemon off; worker_processes 1; pid ${join(folder, "pid")}; error_log stderr notice;
         events { worker_connections 256; }
         http { access_log off; ${temporary.join(" ")} include ${path}; }`,
      );
      return ["nginx", "-p", folder, "-e", "stderr", "-c", main];
    },
  },
  caddy: {
    file: "deploy/proxies/Caddyfile",
    replaced: (given) => [
      ...upstreams(given),
      ["/etc/caddy/auth.example.com.pem", given.cert],
      ["/etc/caddy/auth.example.com-key.pem", given.key],
      ["http_port 80", `http_port ${given.plainPort}`],
      ["https_port 443", `https_port ${given.port}`],
      ["localhost:2019", `localhost:${given.adminPort}`],
    ],
    command: (path) => ["caddy", "run", "--adapter", "caddyfile", "--config", path],
  },
};

export const hasProxies = (): boolean =>
  spawnSync("nginx", ["-v"], { env: cleanEnv() }).status === 0 &&
  spawnSync("caddy", ["version"], { env: cleanEnv() }).status === 0;

/** Starts a proxy by its example file, and resolves when it listens. */
export async function startProxy(name: keyof typeof examples, ports: Ports, certificate: Certificate): Promise<RunningProxy> {
  const { file, replaced, command } = examples[name];
  const folder = mkdtempSync(join(tmpdir(), `latchkey-${name}-`));
  // nginx gives its privileges away.
  chmodSync(folder, 0o755);
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  writeFileSync(cert, certificate.cert);
  writeFileSync(key, certificate.key);
  const [port, plainPort, adminPort] = (await freePorts(3)) as [number, number, number];
  let text = readFileSync(join(repository, file), "utf8");
  for (const [old, by] of replaced({ ports, cert, key, port, plainPort, adminPort })) {
    if (!text.includes(old)) throw new Error(`${file} does not say ${old}`);
    text = text.replaceAll(old, by);
  }
  const path = join(folder, "example");
  writeFileSync(path, text);
  const [program, ...args] = command(path, folder);
  const env = cleanEnv({ HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder });
  const child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const killed = () => void child.kill("SIGKILL");
  process.once("exit", killed);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (printed = (printed + chunk).slice(-10_000)));
  await until(`${name} listens`, async () => {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}\n${printed}`);
    return (await listens(port)) || undefined;
  });
  return {
    port,
    plainPort,
    async stop() {
      process.off("exit", killed);
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

/** Connects to a port of 127.0.0.1 from another address of this machine, as a caller elsewhere does. */
export async function startCaller(address: string, target: number): Promise<{ readonly port: number; stop(): void }> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((near) => {
    const far = connect({ host: "127.0.0.1", port: target, localAddress: address });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
