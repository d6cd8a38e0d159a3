import { once } from "node:events";
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders, type SecureClientSessionOptions } from "node:http2";
import { createConnection } from "node:net";

/** What came back on a raw HTTP/2 stream: headers and trailers as one. */
export interface RawAnswer {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  /** The code of a reset; 0 if it ended well. */
  readonly rstCode: number;
}

/** One frame of the gRPC protocols. */
export function frame(message: Uint8Array, options: { compressed?: boolean; length?: number } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(options.compressed ? 1 : 0, 0);
  head.writeUInt32BE(options.length ?? message.length, 1);
  return Buffer.concat([head, message]);
}

/** Calls below every library, so that anything can be sent. `body` null: the request never ends. */
export async function rawGrpc(
  session: ClientHttp2Session,
  request: { path: string; headers?: OutgoingHttpHeaders; body: readonly Uint8Array[] | null },
): Promise<RawAnswer> {
  const stream = session.request({
    ":method": "POST",
    ":path": request.path,
    "content-type": "application/grpc",
    te: "trailers",
    ...request.headers,
  });
  const headers: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  stream.on("response", (received) => Object.assign(headers, received));
  stream.on("trailers", (received) => Object.assign(headers, received));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => {});
  for (const chunk of request.body ?? []) stream.write(chunk);
  if (request.body !== null) stream.end();
  await once(stream, "close");
  return { headers, body: Buffer.concat(chunks), rstCode: stream.rstCode };
}

export function openSession(address: string, options: SecureClientSessionOptions = {}): ClientHttp2Session {
  const session = connect(address.includes("://") ? address : `http://${address}`, options);
  session.on("error", () => {});
  return session;
}

/** Sends bytes on a TCP connection and gives everything that comes back until the other side closes or `ms` pass. */
export async function rawTcp(url: string, text: string | Buffer, ms = 2000): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = createConnection(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => {});
  socket.write(text);
  const timer = setTimeout(() => socket.destroy(), ms);
  await once(socket, "close");
  clearTimeout(timer);
  return Buffer.concat(chunks).toString("latin1");
}

/** A promise with its handles. */
export function deferred<T = void>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
