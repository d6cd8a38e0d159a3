import { constants, type Http2Server, type ServerHttp2Stream, type Settings } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { countStream, type StreamCounting } from "../unfinished-stream.js";

/**
 * Returns the HTTP/2 server inside a grpc-js server that has one connection injector. It is private, but grpc-js offers no
 * other way to a session or to the bytes of an incomplete message. Throws if this version of grpc-js keeps it elsewhere.
 */
export function http2ServerOf(server: Server): Http2Server {
  const { http2Servers } = server as unknown as { readonly http2Servers: ReadonlyMap<Http2Server, unknown> };
  const [http2Server] = http2Servers.keys();
  if (http2Server === undefined) throw new Error("this version of grpc-js keeps its HTTP/2 server elsewhere");
  return http2Server;
}

/**
 * The headers of one request: gRPC's usual 8 KiB. An access token has 4 KiB at most. A stream keeps its headers until it ends.
 */
const headersMaxBytes = 8 * 1024;

/** What HTTP/2 counts for each header in addition to its text. */
const headerBytes = 32;

/** Makes HTTP/2 reset requests with longer headers. Must be called before the connection injector is created. */
export function limitHeaders(server: Server): void {
  const { commonServerOptions } = server as unknown as { readonly commonServerOptions: { settings?: Settings } };
  commonServerOptions.settings = { ...commonServerOptions.settings, maxHeaderListSize: headersMaxBytes };
}

function lengthOf(rawHeaders: readonly string[]): number {
  return rawHeaders.reduce((sum, text) => sum + text.length, (rawHeaders.length / 2) * headerBytes);
}

/** Counts the bytes of incomplete requests that grpc-js holds. Stops reading a request that is answered before its end. */
export function countRequests(http2Server: Http2Server, counting: Omit<StreamCounting, "door">): void {
  http2Server.on("stream", (stream: ServerHttp2Stream, _headers: unknown, _flags: unknown, rawHeaders: readonly string[]) => {
    // grpc-js has refused it unread, and Node ends the stream.
    if (stream.readableFlowing === null) return;
    // HTTP/2 enforces the setting only once the peer has acknowledged it.
    if (lengthOf(rawHeaders) > headersMaxBytes) {
      stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      return;
    }
    stream.on("data", countStream(stream, rawHeaders, { ...counting, door: "grpc" }).hold);
  });
}
