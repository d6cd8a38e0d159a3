import type { Door } from "../rpc/incoming.js";

/** Bounds the memory of requests that have not arrived in full: one object for the whole process. */
export interface Unfinished {
  /**
   * Begins to count a request, with what Node holds for it and its headers. `reset` ends the request. It is called when all together
   * hold too much and this one is the oldest, and when the request comes in more than 1024 chunks.
   */
  begin(request: {
    readonly door: Door;
    readonly rawHeaders: readonly string[];
    readonly reset: () => void;
  }): UnfinishedRequest;
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

export function createUnfinished({ bytesMax = bytesMaxDefault, onReset = () => {} }: UnfinishedOptions = {}): Unfinished {
  /** In the order in which the requests began. */
  const resets = new Map<UnfinishedRequest, () => void>();
  let total = 0;

  return {
    begin({ door, rawHeaders, reset }) {
      let held = 0;
      let chunks = 0;
      let buffer: ArrayBufferLike | undefined;
      function add(bytes: number): void {
        if (!resets.has(request)) return;
        held += bytes;
        total += bytes;
        while (total > bytesMax) {
          const [resetOldest] = resets.values();
          resetOldest!();
        }
      }
      const request: UnfinishedRequest = {
        hold(chunk) {
          // A chunk keeps the whole buffer that the connection was read into.
          add(chunk.buffer === buffer ? chunkBytes : chunkBytes + chunk.buffer.byteLength);
          buffer = chunk.buffer;
          chunks += 1;
          if (chunks > chunksMax) resets.get(request)?.();
        },
        end() {
          if (!resets.delete(request)) return;
          total -= held;
        },
      };
      resets.set(request, () => {
        request.end();
        onReset(door);
        reset();
      });
      add(requestBytes + rawHeaders.reduce((sum, text) => sum + text.length, 0));
      return request;
    },
  };
}
