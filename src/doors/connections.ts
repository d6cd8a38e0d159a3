import type { ServerHttp2Session } from "node:http2";
import type { Server, Socket } from "node:net";
import type { Dropped } from "../model/door.js";
import type { NetworkOf } from "./address.js";

export interface ConnectionLimits {
  readonly networkOf: NetworkOf;
  readonly onDropped?: (why: Dropped) => void;
  readonly connectionsMax?: number;
  readonly perNetworkMax?: number;
  /** Milliseconds that only move forward. */
  readonly now?: () => number;
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

/** What a new connection has until its first call: a TLS handshake over a slow network takes a second or two. */
const firstCallMs = 5000;

interface Connection {
  running: number;
  readonly openedAt: number;
  /** Whether it has begun a call. */
  used: boolean;
  /** It counts no more. May be called again. */
  leave(): void;
  close(): void;
  setIdle(isIdle: boolean): void;
}

/** The connections of one network. The sets keep their members in the order in which they became idle. */
interface Network {
  count: number;
  /** Those that have not called yet. */
  readonly unused: Set<Connection>;
  /** Those that have called, and have no call now. */
  readonly idle: Set<Connection>;
}

/**
 * Bounds the connections of a listener, for each network and in total. At the cap of a network its own longest idle connection makes
 * room. Above half of the total the network that holds the most makes room: by an idle connection, or its own next one is refused.
 * At the cap of the total any network makes room. Connections that belong to no network are counted in the total alone, and never
 * make room.
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

  /** False: the newcomer is refused. Looks at every network, but only above half. */
  function makeRoom(newcomer: Network | null): boolean {
    if (open.size < connectionsMax / 2) return true;
    const most = largest(() => true)?.count;
    const holdsMost = newcomer !== null && newcomer.count === most;
    // For its own network even one makes room that has not had the time for its first call.
    if (holdsMost && dropIdle(newcomer)) return true;
    const withIdle = largest((network) => longestIdle(network, firstCallMs) !== undefined);
    if (withIdle?.count === most && dropIdle(withIdle, firstCallMs)) return true;
    if (holdsMost) return false;
    // The newcomer would take the last place, and a full listener refuses all.
    if (open.size >= connectionsMax - 1 && !dropIdle(withIdle, firstCallMs)) {
      dropIdle(largest((network) => longestIdle(network) !== undefined));
    }
    return true;
  }

  /** The network that holds the most connections of those that `matches`. */
  function largest(matches: (network: Network) => boolean): Network | undefined {
    let found: Network | undefined;
    for (const network of networks.values()) {
      if ((found === undefined || network.count > found.count) && matches(network)) found = network;
    }
    return found;
  }

  /** Of those that have called, or were open for `unusedMs`. One that never called comes first. */
  function longestIdle({ unused, idle }: Network, unusedMs = 0): Connection | undefined {
    const [first] = unused;
    if (first !== undefined && now() - first.openedAt >= unusedMs) return first;
    const [next] = idle;
    return next;
  }

  /** False: there is none. */
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
