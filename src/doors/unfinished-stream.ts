import { constants, type ServerHttp2Stream } from "node:http2";
import type { Door } from "../model/door.js";
import type { NetworkOf } from "./address.js";
import type { Unfinished, UnfinishedRequest } from "./unfinished.js";

export interface StreamCounting {
  readonly door: Door;
  readonly unfinished: Unfinished;
  readonly networkOf: NetworkOf;
}

/** Counts an HTTP/2 request until it has ended. If it is answered before it ends, its stream is closed. */
export function countStream(
  stream: ServerHttp2Stream,
  rawHeaders: readonly string[],
  { door, unfinished, networkOf }: StreamCounting,
): UnfinishedRequest {
  const session = stream.session!;
  const network = networkOf(session.socket.remoteAddress);
  const request = unfinished.begin({
    door,
    rawHeaders,
    network,
    connection: session,
    reset: () => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM),
    close() {
      // A trusted proxy's connection closes gracefully, because it carries other callers' calls.
      if (network === null) session.close();
      else setImmediate(() => session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM));
    },
  });
  stream.once("end", request.end);
  stream.once("close", request.end);
  stream.once("finish", () => setImmediate(closeAnswered, stream));
  return request;
}

const lookAgainMs = 50;

/**
 * Trailers, and data that the connection could not take yet, are sent after "finish". Node reports that only in the stream's
 * state.
 */
function closeAnswered(stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.readableEnded) return;
  if (stream.state.localClose === 1) stream.close(constants.NGHTTP2_NO_ERROR);
  else setTimeout(closeAnswered, lookAgainMs, stream).unref();
}
