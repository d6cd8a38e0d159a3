import type { ServerHttp2Session } from "node:http2";
import type { Server, Socket } from "node:net";
import type { Dropped } from "../rpc/incoming.js";
import type { NetworkOf } from "./address.js";

export interface ConnectionLimits {
  readonly networkOf: NetworkOf;
  readonly onDropped?: (why: Dropped) => void;
  readonly connectionsMax?: number;
  readonly perNetworkMax?: number;
}

/** The connections of a listener. */
export interface Connections {
  readonly sockets: ReadonlySet<Socket>;
  /** Counts the streams of an HTTP/2 connection as its calls, and closes it with a GOAWAY when it has to make room. */
  addSession(session: ServerHttp2Session): void;
  /** A call has begun on a connection. Returns what to call when it has ended. */
  begin(socket: Ends): () => void;
}

/** Both ends of a connection: the same on a TCP socket, the TLS socket around it and the HTTP/2 session on them. */
type Ends = Pick<Socket, "remoteAddress" | "remotePort" | "localAddress" | "localPort">;

const connectionsMaxDefault = 5000;

/**
 * A tenth, so that ten networks are needed to fill a door. A NAT, or a backend of many pods behind one address, is not hurt: at the cap
 * an idle connection makes room, so a connection is refused only while 500 others are each in the middle of a call.
 */
const perNetworkMaxDefault = 500;

interface Connection {
  running: number;
  /** It counts no more. May be called again. */
  leave(): void;
  close(): void;
  setIdle(isIdle: boolean): void;
}

/** The connections of one network. A Set keeps its members in the order in which they became idle. */
interface Network {
  count: number;
  readonly idle: Set<Connection>;
}

/**
 * Bounds the connections of a listener, for each network and in total. A connection without a call is idle, from its first moment on.
 * At the cap of a network its own longest idle connection makes room, and above half of the total the longest idle one of all.
 * Connections that belong to no network are counted in the total alone, and never make room.
 */
export function limitConnections(listener: Server, limits: ConnectionLimits): Connections {
  const {
    networkOf,
    onDropped = () => {},
    connectionsMax = connectionsMaxDefault,
    perNetworkMax = perNetworkMaxDefault,
  } = limits;
  const sockets = new Set<Socket>();
  const open = new Map<string, Connection>();
  const networks = new Map<string, Network>();
  const allIdle = new Set<Connection>();

  function admit(socket: Socket): void {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    // The peer reset the connection before it was accepted.
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    endFormer(socket);
    const name = networkOf(socket.remoteAddress);
    const network = name === null ? null : (networks.get(name) ?? { count: 0, idle: new Set() });
    if (network !== null && network.count >= perNetworkMax && !dropLongestIdle(network.idle)) {
      onDropped("network_full");
      socket.destroy();
      return;
    }
    if (open.size >= connectionsMax / 2) dropLongestIdle(allIdle);
    const connection = join(socket, { name, network });
    socket.once("close", () => connection.leave());
  }

  /** The system gives the same ends again once a connection is gone. Its "close" may come after that. */
  function endFormer(socket: Socket): void {
    const former = open.get(keyOf(socket));
    former?.leave();
    former?.close();
  }

  function join(socket: Socket, { name, network }: { name: string | null; network: Network | null }): Connection {
    const key = keyOf(socket);
    const connection: Connection = {
      running: 0,
      leave() {
        if (open.get(key) !== connection) return;
        connection.setIdle(false);
        open.delete(key);
        if (network === null || name === null) return;
        network.count -= 1;
        if (network.count === 0) networks.delete(name);
      },
      close: () => socket.destroy(),
      setIdle(isIdle) {
        if (network === null || open.get(key) !== connection) return;
        for (const idle of [network.idle, allIdle]) {
          if (isIdle) idle.add(connection);
          else idle.delete(connection);
        }
      },
    };
    open.set(key, connection);
    if (network !== null && name !== null) {
      network.count += 1;
      networks.set(name, network);
    }
    connection.setIdle(true);
    return connection;
  }

  /** False: none of them is idle. */
  function dropLongestIdle(idle: ReadonlySet<Connection>): boolean {
    for (const connection of idle) {
      connection.leave();
      connection.close();
      onDropped("idle");
      return true;
    }
    return false;
  }

  listener.maxConnections = connectionsMax;
  listener.on("drop", () => onDropped("door_full"));
  listener.on("connection", admit);

  function begin(connection: Connection): () => void {
    connection.running += 1;
    connection.setIdle(false);
    return () => {
      connection.running -= 1;
      if (connection.running === 0) connection.setIdle(true);
    };
  }

  return {
    sockets,
    begin(socket) {
      const connection = open.get(keyOf(socket));
      return connection === undefined ? () => {} : begin(connection);
    },
    addSession(session) {
      const connection = open.get(keyOf(session.socket));
      if (connection === undefined) return;
      const { close } = connection;
      connection.close = () => {
        session.close();
        // After the GOAWAY was written: a peer that does not hang up would keep the connection.
        setImmediate(close);
      };
      session.on("stream", (stream, headers) => {
        if (endless.test(String(headers[":path"]))) return;
        stream.once("close", begin(connection));
      });
    },
  };
}

/** Streams without an end of their own would keep a connection from ever being idle. */
const endless = /^\/grpc\.(health\.v1\.Health\/Watch$|reflection\.)/;

function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Ends): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
