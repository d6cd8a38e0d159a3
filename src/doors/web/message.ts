import type { ConnectError } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { requestTooLarge, wireError } from "../../rpc/errors.js";
import type { RawRequest } from "../../rpc/raw-request.js";
import { type Gunzip, unknownEncoding } from "../gunzip.js";

/** How the messages of a method are read. */
export interface Reading {
  readonly maxBytes: number;
  readonly gunzip: Gunzip;
}

/** The message of a call, or why it cannot be read. A failure that is no `ConnectError` is a fault of this server. */
export type Taken = { readonly message: RawRequest } | { readonly failure: unknown };

/**
 * Takes the message out of a call: the pipeline gets its bytes, and Connect reads an empty message instead. So both doors give the
 * same refusals, and the pipeline authorizes before it decodes. Calls `taken` before the method runs.
 */
export function takeMessage(
  call: UniversalServerRequest,
  reading: Reading,
  taken: (message: Taken) => void,
): UniversalServerRequest {
  return call.method === "GET" ? takeFromUrl(call, reading, taken) : takeFromBody(call, reading, taken);
}

function takeFromUrl(call: UniversalServerRequest, reading: Reading, taken: (message: Taken) => void): UniversalServerRequest {
  const url = new URL(call.url);
  const query = url.searchParams;
  const format = query.get("encoding") === "json" ? "json" : "binary";
  const sent = Buffer.from(query.get("message") ?? "", query.get("base64") === "1" ? "base64url" : "utf8");
  const encoding = query.get("compression") || "identity";
  taken(attempt(() => ({ format, bytes: decompress(sent, { encoding, framed: false }, reading) })));
  query.set("message", emptyMessage(format));
  for (const name of ["base64", "compression"]) query.delete(name);
  return { ...call, url: url.toString() };
}

function takeFromBody(call: UniversalServerRequest, reading: Reading, taken: (message: Taken) => void): UniversalServerRequest {
  const { header, body } = call;
  const wire = wireOf(header);
  const { framed } = wire;
  const encoding = header.get(framed ? "grpc-encoding" : "content-encoding");
  const bounds = { length: Number(header.get("content-length") ?? 0), maxBytes: reading.maxBytes, framed };
  for (const name of ["content-encoding", "grpc-encoding", "content-length"]) header.delete(name);

  async function* emptied(): AsyncIterable<Uint8Array> {
    try {
      const sent = await readAll(body as AsyncIterable<Uint8Array>, bounds);
      const { bytes, compressed } = framed ? unframe(sent) : { bytes: sent, compressed: encoding !== null };
      const message = compressed ? decompress(bytes, { encoding, framed }, reading) : bytes;
      taken({ message: { format: wire.format, bytes: message } });
    } catch (failure) {
      taken({ failure });
    }
    yield emptyBody(wire);
  }
  return { ...call, body: emptied() };
}

/** The same call with an empty message, which Connect can always read. So the method answers in the protocol of the caller. */
export function emptyRequest(call: UniversalServerRequest): UniversalServerRequest {
  const contentType = call.header.get("content-type") ?? "application/json";
  const header = new Headers({ "content-type": contentType, "connect-protocol-version": "1" });
  return { ...call, method: "POST", header, body: oneChunk(emptyBody(wireOf(header))) };
}

async function* oneChunk(chunk: Uint8Array): AsyncIterable<Uint8Array> {
  yield chunk;
}

interface Wire {
  readonly format: RawRequest["format"];
  /** Whether the message has a frame with its length, as in gRPC and gRPC-Web. */
  readonly framed: boolean;
}

function wireOf(header: Headers): Wire {
  const contentType = header.get("content-type")?.toLowerCase() ?? "";
  return {
    format: contentType.includes("json") ? "json" : "binary",
    framed: contentType.startsWith("application/grpc"),
  };
}

function emptyMessage(format: RawRequest["format"]): string {
  return format === "json" ? "{}" : "";
}

const frameHeadBytes = 5;

function emptyBody({ format, framed }: Wire): Uint8Array {
  const message = Buffer.from(emptyMessage(format));
  if (!framed) return message;
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Throws as soon as the body's length or its content exceeds `maxBytes`. */
async function readAll(
  body: AsyncIterable<Uint8Array>,
  { length, maxBytes, framed }: { readonly length: number; readonly maxBytes: number; readonly framed: boolean },
): Promise<Buffer> {
  const bodyMaxBytes = framed ? maxBytes + frameHeadBytes : maxBytes;
  if (length > bodyMaxBytes) throw requestTooLarge();
  const chunks: Uint8Array[] = [];
  let read = 0;
  let headLeft = framed;
  for await (const chunk of body) {
    chunks.push(chunk);
    read += chunk.length;
    if (read > bodyMaxBytes) throw requestTooLarge();
    if (headLeft && read >= frameHeadBytes) {
      headLeft = false;
      if (Buffer.concat(chunks).readUInt32BE(1) > maxBytes) throw requestTooLarge();
    }
  }
  return Buffer.concat(chunks);
}

function unframe(body: Buffer): { readonly bytes: Buffer; readonly compressed: boolean } {
  const flags = body[0] ?? 0;
  if (body.length < frameHeadBytes || flags > 1 || body.length - frameHeadBytes !== body.readUInt32BE(1)) {
    throw malformed("The body must be exactly one message in its frame.");
  }
  return { bytes: body.subarray(frameHeadBytes), compressed: flags === 1 };
}

function decompress(
  bytes: Buffer,
  { encoding, framed }: { readonly encoding: string | null; readonly framed: boolean },
  { gunzip }: Reading,
): Uint8Array {
  if (encoding === "identity" && !framed) return bytes;
  if (encoding === null || encoding === "identity")
    throw malformed("The message is compressed but the header grpc-encoding does not say how.");
  if (encoding !== "gzip") throw unknownEncoding(framed ? "grpc-accept-encoding" : "accept-encoding");
  return gunzip(bytes);
}

function malformed(message: string): ConnectError {
  return wireError("REQUEST_INVALID", { message });
}

function attempt(read: () => RawRequest): Taken {
  try {
    return { message: read() };
  } catch (failure) {
    return { failure };
  }
}
