import { once } from "node:events";
import { connect } from "node:net";

/** Returns whether a server accepts connections on a port of 127.0.0.1. */
export async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const result = await Promise.race([once(socket, "connect").then(() => true), once(socket, "close").then(() => false)]).catch(
    () => false,
  );
  socket.destroy();
  return result;
}
