import { constants } from "node:http2";
import { wireError } from "../rpc/errors.js";
import type { Unfinished } from "./unfinished.js";
import type { WebRequest } from "./web-types.js";

/**
 * The chunks of a body as they come, counted until the last one has come. Throws the refusal of a cancelled call when the request is
 * reset or its connection ends before.
 */
export async function* countBody(request: WebRequest, unfinished: Unfinished): AsyncGenerator<Uint8Array> {
  const { rawHeaders, socket } = request;
  function reset(): void {
    if ("stream" in request) request.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    else socket.destroy();
  }
  const counted = unfinished.begin({ door: "web", rawHeaders, reset });
  try {
    for await (const chunk of chunksOf(request)) {
      counted.hold(chunk);
      yield chunk;
    }
  } finally {
    counted.end();
  }
}

async function* chunksOf(request: WebRequest): AsyncGenerator<Buffer> {
  try {
    yield* request as AsyncIterable<Buffer>;
  } catch {
    throw wireError("CANCELED");
  }
}
