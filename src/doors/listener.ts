import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";

/** Binds a server. Returns its port. */
export async function listenOn(server: Server, host: string, port: number): Promise<number> {
  server.listen({ host, port });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
