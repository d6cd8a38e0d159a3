import type { IncomingMessage } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import { wireError } from "../../rpc/errors.js";
import type { NetworkOf } from "../address.js";
import type { Unfinished, UnfinishedRequest } from "../unfinished.js";
import { countStream } from "../unfinished-stream.js";
import type { WebRequest } from "./types.js";

/** Counts the requests of the web door from their headers on, whether or not their bodies are read. */
export interface Bodies {
  addStream(stream: ServerHttp2Stream, flags: number, rawHeaders: readonly string[]): void;
  addHttp1(request: IncomingMessage): void;
  /**
   * Yields the chunks of a body as they arrive, and counts the request until the last one. Throws the refusal of a cancelled call
   * when the request is reset or its connection ends before that.
   */
  read(request: WebRequest): AsyncIterable<Uint8Array>;
}

export function createBodies(unfinished: Unfinished, networkOf: NetworkOf): Bodies {
  const counted = new WeakMap<object, UnfinishedRequest>();
  return {
    addStream(stream, flags, rawHeaders) {
      if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) return;
      counted.set(stream, countStream(stream, rawHeaders, { door: "web", unfinished, networkOf }));
    },
    addHttp1(request) {
      const { rawHeaders, socket } = request;
      const close = (): void => void socket.destroy();
      const network = networkOf(socket.remoteAddress);
      const begun = unfinished.begin({ door: "web", rawHeaders, network, connection: socket, reset: close, close });
      // Node reads and discards what is left of a body once the request is answered.
      request.once("end", begun.end);
      request.once("close", begun.end);
      counted.set(request, begun);
    },
    async *read(request) {
      const begun = counted.get("stream" in request ? request.stream : request);
      for await (const chunk of chunksOf(request)) {
        begun?.hold(chunk);
        yield chunk;
      }
    },
  };
}

async function* chunksOf(request: WebRequest): AsyncGenerator<Buffer> {
  try {
    yield* request as AsyncIterable<Buffer>;
  } catch {
    throw wireError("CANCELED");
  }
}
