import { gunzipSync } from "node:zlib";
import { Code, type ConnectError } from "@connectrpc/connect";
import { requestTooLarge, wireError } from "../rpc/errors.js";
import type { InFlight } from "../rpc/in-flight.js";

/** Decompresses one message. Throws a `ConnectError` that may be shown to the caller. */
export type Gunzip = (compressed: Uint8Array) => Uint8Array<ArrayBuffer>;

/** The encodings that both doors accept, as named in headers. */
export const readEncodings = "gzip";

/**
 * Decompresses synchronously, so that one message at a time is expanded and libuv's thread pool stays free for hashes. A
 * message may not become larger than `maxBytes`. 64 KiB takes 0.15 ms for a bomb of zeros and 1 ms for the worst input.
 */
export function createGunzip(inFlight: InFlight, maxBytes: number): Gunzip {
  return (compressed) => {
    if (!inFlight.enter()) throw wireError("OVERLOADED");
    try {
      return gunzipSync(compressed, { maxOutputLength: maxBytes });
    } catch (cause) {
      throw isTooLarge(cause) ? requestTooLarge() : wireError("REQUEST_INVALID", { message: "The request is not valid gzip." });
    } finally {
      inFlight.leave();
    }
  };
}

function isTooLarge(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE";
}

/** @param header The header in which the protocol lists the encodings that a server accepts. */
export function unknownEncoding(header: "accept-encoding" | "grpc-accept-encoding"): ConnectError {
  const error = wireError("REQUEST_INVALID", {
    code: Code.Unimplemented,
    message: "This server does not support the request's compression. Use gzip or none.",
  });
  error.metadata.set(header, readEncodings);
  return error;
}
