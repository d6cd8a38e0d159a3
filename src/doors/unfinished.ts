import type { Door } from "../model/door.js";

/** Bounds the memory of requests that have not arrived in full: one object for the whole process. */
export interface Unfinished {
  /**
   * Begins to count a request, with what Node holds for it and its headers. Resets it when it comes in more than 1024 chunks. When all
   * together hold too much, the oldest request of the network that holds the most is reset.
   */
  begin(request: BegunRequest): UnfinishedRequest;
}

export interface BegunRequest {
  readonly door: Door;
  readonly rawHeaders: readonly string[];
  /** Null for a trusted proxy, each connection of which counts as a network. */
  readonly network: string | null;
  readonly connection: object;
  /** Ends the request. */
  readonly reset: () => void;
  /** Closes the connection, which has had too many requests reset. */
  readonly close: () => void;
}

export interface UnfinishedRequest {
  /** Counts a chunk of the request, which its reader keeps as it is. */
  hold(chunk: Uint8Array): void;
  /** The request has arrived in full, or has ended otherwise. May be called again. */
  end(): void;
}

export interface UnfinishedOptions {
  readonly bytesMax?: number;
  readonly onReset?: (door: Door) => void;
}

/** Room for 2048 small requests, as many as calls may be in flight, or for 680 of the largest. */
const bytesMaxDefault = 32 * 1024 * 1024;

/** What a request without headers and body takes, measured: 5 kB as a stream of HTTP/2, 19 kB as a connection of HTTP/1.1. */
const requestBytes = 16 * 1024;

/** A chunk takes some 10 µs, whatever its length: 32,000 of one byte would take a third of a second. TCP brings 32 KiB in about 60. */
const chunksMax = 1024;

/** Two objects for every chunk, and their places in lists. */
const chunkBytes = 256;

/** As many as a connection may have open at once: an honest one has few reset, and a new connection costs its maker a handshake. */
const resetsMax = 100;

/** What a network holds. The map has its requests in the order in which they began. */
interface Holder {
  bytes: number;
  readonly resets: Map<UnfinishedRequest, () => void>;
}

export function createUnfinished({ bytesMax = bytesMaxDefault, onReset = () => {} }: UnfinishedOptions = {}): Unfinished {
  const holders = new Map<string | object, Holder>();
  const resetsOf = new WeakMap<object, number>();
  let total = 0;

  /** Looks at every network with a request, of which there are 2048 at most: that takes no longer than a chunk. */
  function resetOldestOfLargest(): void {
    let largest: Holder | undefined;
    for (const holder of holders.values()) if (largest === undefined || holder.bytes > largest.bytes) largest = holder;
    const [resetOldest] = largest!.resets.values();
    resetOldest!();
  }

  function countReset({ connection, close }: BegunRequest): void {
    const resets = (resetsOf.get(connection) ?? 0) + 1;
    resetsOf.set(connection, resets);
    if (resets === resetsMax) close();
  }

  return {
    begin(begun) {
      const key = begun.network ?? begun.connection;
      const holder = holders.get(key) ?? { bytes: 0, resets: new Map() };
      holders.set(key, holder);
      let held = 0;
      let chunks = 0;
      let buffer: ArrayBufferLike | undefined;
      function add(bytes: number): void {
        if (!holder.resets.has(request)) return;
        held += bytes;
        holder.bytes += bytes;
        total += bytes;
        while (total > bytesMax) resetOldestOfLargest();
      }
      const request: UnfinishedRequest = {
        hold(chunk) {
          // A chunk keeps the whole buffer that the connection was read into.
          add(chunk.buffer === buffer ? chunkBytes : chunkBytes + chunk.buffer.byteLength);
          buffer = chunk.buffer;
          chunks += 1;
          if (chunks > chunksMax) holder.resets.get(request)?.();
        },
        end() {
          if (!holder.resets.delete(request)) return;
          total -= held;
          holder.bytes -= held;
          if (holder.resets.size === 0) holders.delete(key);
        },
      };
      holder.resets.set(request, () => {
        request.end();
        onReset(begun.door);
        begun.reset();
        countReset(begun);
      });
      add(requestBytes + begun.rawHeaders.reduce((sum, text) => sum + text.length, 0));
      return request;
    },
  };
}
