import { constants, type Http2Server, type ServerHttp2Stream, type Settings } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { countStream, type StreamCounting } from "../unfinished-stream.js";

/**
 * The HTTP/2 server inside a grpc-js server that has one connection injector. grpc-js keeps it to itself and offers no other way to a
 * session or to the bytes of a message that is not complete.
 */
export function http2ServerOf(server: Server): Http2Server {
  const { http2Servers } = server as unknown as { readonly http2Servers: ReadonlyMap<Http2Server, unknown> };
  const [http2Server] = http2Servers.keys();
  if (http2Server === undefined) throw new Error("this version of grpc-js has no HTTP/2 server where it is looked for");
  return http2Server;
}

/**
 * The headers of one request: gRPC's usual 8 KiB. An access token has 4 KiB at most; a stream holds its headers until it ends.
 */
const headersMaxBytes = 8 * 1024;

/** What HTTP/2 adds for each header. */
const headerBytes = 32;

/** Makes HTTP/2 reset requests with longer headers. Only before the server has its connection injector. */
export function limitHeaders(server: Server): void {
  const { commonServerOptions } = server as unknown as { readonly commonServerOptions: { settings?: Settings } };
  commonServerOptions.settings = { ...commonServerOptions.settings, maxHeaderListSize: headersMaxBytes };
}

function lengthOf(rawHeaders: readonly string[]): number {
  return rawHeaders.reduce((sum, text) => sum + text.length, (rawHeaders.length / 2) * headerBytes);
}

/** Counts what grpc-js holds of requests that have not arrived in full, and reads none on that was answered before its end. */
export function countRequests(http2Server: Http2Server, counting: Omit<StreamCounting, "door">): void {
  http2Server.on("stream", (stream: ServerHttp2Stream, _headers: unknown, _flags: unknown, rawHeaders: readonly string[]) => {
    // grpc-js has refused it unread, and Node ends it.
    if (stream.readableFlowing === null) return;
    // The peer has not acknowledged the setting, so HTTP/2 does not hold it to that.
    if (lengthOf(rawHeaders) > headersMaxBytes) {
      stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      return;
    }
    stream.on("data", countStream(stream, rawHeaders, { ...counting, door: "grpc" }).hold);
  });
}
