import { constants } from "node:http2";
import type { Unfinished } from "./unfinished.js";
import type { WebRequest } from "./web-types.js";

/** The chunks of a body as they come, counted until the last one has come. */
export async function* countBody(request: WebRequest, unfinished: Unfinished): AsyncGenerator<Uint8Array> {
  const { rawHeaders, socket } = request;
  function reset(): void {
    if ("stream" in request) request.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    else socket.destroy();
  }
  const counted = unfinished.begin({ door: "web", rawHeaders, reset });
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      counted.hold(chunk);
      yield chunk;
    }
  } finally {
    counted.end();
  }
}
