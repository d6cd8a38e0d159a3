import type { ServerHttp2Session } from "node:http2";
import type { Server, Socket } from "node:net";
import type { Dropped } from "../model/door.js";
import type { NetworkOf } from "./address.js";

export interface ConnectionLimits {
  readonly networkOf: NetworkOf;
  readonly onDropped?: (why: Dropped) => void;
  readonly connectionsMax?: number;
  readonly perNetworkMax?: number;
  /** A monotonic clock in milliseconds. */
  readonly now?: () => number;
}

/** The connections of a listener. */
export interface Connections {
  readonly sockets: ReadonlySet<Socket>;
  /** Counts the streams of an HTTP/2 connection as its calls. Closes it with a GOAWAY when it must make room. */
  addSession(session: ServerHttp2Session): void;
  /** Records the start of a call on a connection. Returns a function to call when it has ended. */
  begin(socket: Ends): () => void;
}

/** Both ends of a connection. They are the same for a TCP socket, the TLS socket around it and the HTTP/2 session on it. */
type Ends = Pick<Socket, "remoteAddress" | "remotePort" | "localAddress" | "localPort">;

const connectionsMaxDefault = 5000;

/**
 * A tenth of the total, so that filling a door takes ten networks. A NAT, or a backend with many pods behind one address, is
 * not hurt: at the cap an idle connection makes room. So a connection is refused only while 500 others are each in the middle
 * of a call.
 */
const perNetworkMaxDefault = 500;

/** Time for a new connection to start its first call. A TLS handshake over a slow network takes a second or two. */
const firstCallMs = 5000;

interface Connection {
  running: number;
  readonly openedAt: number;
  /** Whether it has had a call. */
  used: boolean;
  /** Stops counting it. May be called again. */
  leave(): void;
  close(): void;
  setIdle(isIdle: boolean): void;
}

/** The connections of one network. The sets are ordered by when their members became idle. */
interface Network {
  count: number;
  /** Connections without a call so far. */
  readonly unused: Set<Connection>;
  /** Connections that have had calls and have none now. */
  readonly idle: Set<Connection>;
}

/**
 * Limits the connections of a listener, for each network and in total. At the cap of a network its longest idle connection
 * makes room. Above half of the total the network with the most connections must make room: one of its idle connections is
 * closed, or its next one is refused. At the total cap any network makes room. Connections without a network count only in the
 * total and never make room.
 */
export function limitConnections(listener: Server, limits: ConnectionLimits): Connections {
  const {
    networkOf,
    onDropped = () => {},
    connectionsMax = connectionsMaxDefault,
    perNetworkMax = perNetworkMaxDefault,
    now = () => performance.now(),
  } = limits;
  const sockets = new Set<Socket>();
  const open = new Map<string, Connection>();
  const networks = new Map<string, Network>();

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
    const network = name === null ? null : (networks.get(name) ?? { count: 0, unused: new Set(), idle: new Set() });
    if ((network !== null && network.count >= perNetworkMax && !dropIdle(network)) || !makeRoom(network)) {
      onDropped("network_full");
      socket.destroy();
      return;
    }
    const connection = join(socket, { name, network });
    socket.once("close", () => connection.leave());
  }

  /** The system reuses the ends of a connection that is gone. That connection's "close" event may come later. */
  function endFormer(socket: Socket): void {
    const former = open.get(keyOf(socket));
    former?.leave();
    former?.close();
  }

  function join(socket: Socket, { name, network }: { name: string | null; network: Network | null }): Connection {
    const key = keyOf(socket);
    const connection: Connection = {
      running: 0,
      openedAt: now(),
      used: false,
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
        for (const set of [network.unused, network.idle]) set.delete(connection);
        if (isIdle) (connection.used ? network.idle : network.unused).add(connection);
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

  /** Returns false if the newcomer is refused. Only above half of the total does it look at every network. */
  function makeRoom(newcomer: Network | null): boolean {
    if (open.size < connectionsMax / 2) return true;
    const most = largest(() => true)?.count;
    const holdsMost = newcomer !== null && newcomer.count === most;
    // For its own network even a connection that had no time for its first call makes room.
    if (holdsMost && dropIdle(newcomer)) return true;
    const withIdle = largest((network) => longestIdle(network, firstCallMs) !== undefined);
    if (withIdle?.count === most && dropIdle(withIdle, firstCallMs)) return true;
    if (holdsMost) return false;
    // The newcomer would take the last place, and a full listener refuses every connection.
    if (open.size >= connectionsMax - 1 && !dropIdle(withIdle, firstCallMs)) {
      dropIdle(largest((network) => longestIdle(network) !== undefined));
    }
    return true;
  }

  /** Returns the network with the most connections among those that `matches` accepts. */
  function largest(matches: (network: Network) => boolean): Network | undefined {
    let found: Network | undefined;
    for (const network of networks.values()) {
      if ((found === undefined || network.count > found.count) && matches(network)) found = network;
    }
    return found;
  }

  /** Returns the longest idle connection. One without any call comes first, once it was open for `unusedMs`. */
  function longestIdle({ unused, idle }: Network, unusedMs = 0): Connection | undefined {
    const [first] = unused;
    if (first !== undefined && now() - first.openedAt >= unusedMs) return first;
    const [next] = idle;
    return next;
  }

  /** Returns false if there is no idle connection. */
  function dropIdle(network: Network | undefined, unusedMs = 0): boolean {
    const connection = network === undefined ? undefined : longestIdle(network, unusedMs);
    if (connection === undefined) return false;
    connection.leave();
    connection.close();
    onDropped("idle");
    return true;
  }

  listener.maxConnections = connectionsMax;
  listener.on("drop", () => onDropped("door_full"));
  listener.on("connection", admit);

  function begin(connection: Connection): () => void {
    connection.running += 1;
    connection.used = true;
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
        // After the GOAWAY is written. A peer that ignores it would keep the connection.
        setImmediate(close);
      };
      session.on("stream", (stream, headers) => {
        if (endless.test(String(headers[":path"]))) return;
        stream.once("close", begin(connection));
      });
    },
  };
}

/** Streams that never end by themselves. They do not count, because their connection would never be idle. */
const endless = /^\/grpc\.(health\.v1\.Health\/Watch$|reflection\.)/;

function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Ends): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
