import type { Door } from "../model/door.js";

/** Bounds the memory of requests that have not arrived in full. There is one object for the whole process. */
export interface Unfinished {
  /**
   * Starts to count a request, including what Node holds for it and its headers. Resets it if it comes in more than 1024
   * chunks. If all requests together hold too much, resets the oldest request of the network that holds the most.
   */
  begin(request: BegunRequest): UnfinishedRequest;
}

export interface BegunRequest {
  readonly door: Door;
  readonly rawHeaders: readonly string[];
  /** Null for a trusted proxy. Each of its connections then counts as one network. */
  readonly network: string | null;
  readonly connection: object;
  /** Resets the request. */
  readonly reset: () => void;
  /** Closes the connection, after too many of its requests were reset. */
  readonly close: () => void;
}

export interface UnfinishedRequest {
  /** Counts a chunk that the request's reader keeps. */
  hold(chunk: Uint8Array): void;
  /** Ends the counting, because the request has arrived in full or ended otherwise. May be called again. */
  end(): void;
}

export interface UnfinishedOptions {
  readonly bytesMax?: number;
  readonly onReset?: (door: Door) => void;
}

/** Enough for 2048 small requests, the maximum number of calls in flight, or for 680 of the largest. */
const bytesMaxDefault = 32 * 1024 * 1024;

/** Measured memory of a request without headers and body: 5 kB as an HTTP/2 stream, 19 kB as an HTTP/1.1 connection. */
const requestBytes = 16 * 1024;

/**
 * A chunk takes about 10 µs, whatever its length: 32,000 of one byte would take a third of a second. TCP delivers 32 KiB in
 * about 60.
 */
const chunksMax = 1024;

/** Two objects for each chunk, and their places in lists. */
const chunkBytes = 256;

/**
 * The number of requests that a connection may have open at once. An honest client has few resets, and a new connection costs
 * the client a handshake.
 */
const resetsMax = 100;

/** What a network holds. The map's requests are in the order in which they started. */
interface Holder {
  bytes: number;
  readonly resets: Map<UnfinishedRequest, () => void>;
}

export function createUnfinished({ bytesMax = bytesMaxDefault, onReset = () => {} }: UnfinishedOptions = {}): Unfinished {
  const holders = new Map<string | object, Holder>();
  const resetsOf = new WeakMap<object, number>();
  let total = 0;

  /** Looks at every network with a request. There are at most 2048 of them, which takes no longer than one chunk. */
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
          // A chunk keeps the whole buffer that its connection was read into.
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
