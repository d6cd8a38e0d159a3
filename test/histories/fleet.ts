import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { credentials } from "@grpc/grpc-js";
import { createGrpcClient } from "../../src/client/grpc.js";
import type { ServiceClient } from "../../src/client/service-client.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { UserService } from "../../src/gen/latchkey/v1/user_service_pb.js";
import { administratorOf } from "../support/administrator.js";
import type { Env } from "../support/server.js";
import type { Callable } from "./calling.js";

/** A `latchkey serve` with the connections to it, which one history after the other uses. */
export interface ServerProcess extends Callable {
  readonly inboxUrl: string;
  /** All services as an administrator calls them. */
  readonly admin: ServiceClient;
  /** Ends it as a loss of power would; calls to it fail from then on. */
  kill(): Promise<void>;
  /** Lets go of the connections to it. Nothing can be called any more. */
  close(): void;
}

/** Several processes on one database. */
export interface Fleet {
  /** By number; a killed one stays in its place until `restart`. */
  readonly processes: readonly ServerProcess[];
  restart(process: number): Promise<void>;
  stop(): Promise<void>;
}

export interface FleetOptions {
  /** The arguments of Node that make a server. */
  readonly server: readonly string[];
  readonly count: number;
  /** The same for all of them. */
  readonly env: Env;
  readonly folder: string;
  /** Called with every line that any of them prints. */
  readonly onLine: (line: string) => void;
  /** Called once the first process serves; the others start afterwards. */
  readonly onDatabaseMade: (server: ServerProcess) => Promise<void>;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  // The first one makes what all share.
  const processes = [await startProcess(options)];
  await options.onDatabaseMade(processes[0]!);
  const others = Array.from({ length: options.count - 1 }, () => startProcess(options));
  processes.push(...(await Promise.all(others)));
  return {
    processes,
    async restart(number) {
      processes[number]!.close();
      processes[number] = await startProcess(options);
    },
    async stop() {
      await Promise.all(processes.map((one) => one.kill()));
      for (const one of processes) one.close();
    },
  };
}

async function startProcess({ server, env, folder, onLine }: FleetOptions): Promise<ServerProcess> {
  const child = spawn(process.execPath, server, {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const closed = once(child, "close").then(() => running.delete(child));
  const printed: string[] = [];
  const serving = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        onLine(line);
        if (printed.length < 50) printed.push(line);
        if (line.includes(" serving grpc=")) resolve(line);
      });
    }
  });
  const line = await Promise.race([serving, closed.then(() => null)]);
  if (line === null) throw new Error(`a server ended instead of serving:\n${printed.join("\n")}`);
  const port = (name: string) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(line)?.[1]);
  const target = `127.0.0.1:${port("grpc")}`;
  const channel = { "grpc.use_local_subchannel_pool": 1 };
  const grpc = createGrpcClient(target, credentials.createInsecure(), { channel });
  const admin = administratorOf({ folder, grpcAddress: target });
  const transport = createConnectTransport({ baseUrl: `http://127.0.0.1:${port("http")}`, httpVersion: "1.1" });
  return {
    grpc,
    web: createClient(AuthService, transport),
    admin,
    users: { grpc: admin.user, web: createClient(UserService, transport), token: () => admin.getToken() },
    inboxUrl: `http://127.0.0.1:${port("inbox")}`,
    async kill() {
      child.kill("SIGKILL");
      await closed;
    },
    close() {
      grpc.close();
      admin.close();
    },
  };
}
