import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands before a server on loopback, as a balancer or a network does. */
export interface TcpProxy {
  readonly port: number;
  /** Sends new connections there, and ends those that are open. */
  switchTo(port: number): void;
  /** Sends new connections there and leaves those that are open, as a name does that moves to another address. */
  point(port: number): void;
  /** Lets nothing through any more, in open connections and new ones, and says nothing of it: as a network that is cut. */
  cut(): void;
  /** Ends the connections that hung, and lets new ones through. */
  mend(): void;
  stop(): Promise<void>;
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  let port = target;
  let isCut = false;
  const sockets = new Set<Socket>();
  function keep(socket: Socket): Socket {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    return socket;
  }
  function endAll(): void {
    for (const socket of sockets) socket.destroy();
  }
  const server = createServer((near) => {
    keep(near);
    if (isCut) {
      near.pause();
      return;
    }
    const far = keep(connect(port, "127.0.0.1"));
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    switchTo(next) {
      port = next;
      endAll();
    },
    point(next) {
      port = next;
    },
    cut() {
      isCut = true;
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    mend() {
      isCut = false;
      endAll();
    },
    async stop() {
      endAll();
      server.close();
      await once(server, "close");
    },
  };
}
