import { Agent, request } from "node:http";
import { connect, createServer, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  readonly json: { readonly challenge?: { readonly challengeId: string } };
  /** From the call to the last byte of its answer, in milliseconds. */
  readonly tookMs: number;
}

/** Calls methods one at a time over one connection that is kept. */
export interface Caller {
  call(method: string, message: object): Promise<Answer>;
  close(): void;
}

export function createCaller(port: number): Caller {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    call(method, message) {
      const body = JSON.stringify(message);
      const headers = {
        "content-type": "application/json",
        "connect-protocol-version": "1",
        "content-length": Buffer.byteLength(body),
      };
      const path = `/latchkey.v1.AuthService/${method}`;
      return new Promise((resolve, reject) => {
        const startedAt = performance.now();
        const call = request({ agent, host: "127.0.0.1", port, method: "POST", path, headers }, (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("end", () => {
            const tookMs = performance.now() - startedAt;
            resolve({ status: response.statusCode!, json: JSON.parse(Buffer.concat(parts).toString()), tookMs });
          });
          response.on("error", reject);
        });
        call.on("error", reject);
        call.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}

/** Hands every answer on later: a server that gives itself away, for the control. Returns its port and what ends it. */
export async function startDelay(target: number, delayMs: number): Promise<{ readonly port: number; stop(): void }> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on("error", () => {});
    return socket;
  };
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target, host: "127.0.0.1", noDelay: true });
    keep(near).pipe(keep(far));
    far.on("data", (bytes) => setTimeout(() => near.write(bytes), delayMs));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
