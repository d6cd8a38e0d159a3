import { Code, type ConnectError } from "@connectrpc/connect";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { wireError } from "../rpc/errors.js";
import { tooLarge, unknownEncoding } from "./gunzip.js";

/** A refusal that Connect made by itself before our pipeline saw the call: unreadable, too large, of another protocol version. */
interface OwnRefusal {
  readonly code: Code;
  readonly message: string;
}

/**
 * The error to answer in the place of a response that Connect made by itself. Its own errors lack our details, call unreadable
 * binary an internal error, and quote the value that can't be read, which may be a code.
 */
export async function replaceRefusal(response: UniversalServerResponse): Promise<ConnectError> {
  const { code, message } = await readRefusal(response);
  switch (code) {
    case Code.InvalidArgument:
    case Code.Internal:
      if (!unreadable.test(message)) return wireError("REQUEST_INVALID", { message });
      return wireError("REQUEST_INVALID", { violations: [violation(message)] });
    case Code.ResourceExhausted:
      return /is larger than/.test(message) ? tooLarge() : wireError("OVERLOADED");
    case Code.Unimplemented:
      // Only Connect's unary protocol answers an error with an HTTP status.
      return unknownEncoding(response.status === 200 ? "grpc-accept-encoding" : "accept-encoding");
    default:
      return wireError("CANCELED");
  }
}

const unreadable = /^(cannot decode|parse binary)/;

function violation(message: string) {
  const field = /^cannot decode field [\w.]+\.(\w+) from JSON/.exec(message)?.[1];
  if (field !== undefined) return { field, description: "has a value of another type or form than this field's" };
  // Only what looks like a name is repeated: a key of another form may be a value that slipped.
  const unknown = /^cannot decode .* from JSON: key "([A-Za-z_]\w{0,31})" is unknown$/.exec(message)?.[1];
  if (unknown !== undefined) return { field: unknown, description: "is no field of this request: see its name in the proto" };
  return {
    field: "",
    description: "the message can't be read: it is malformed, or has a field twice or one that is not known",
  };
}

const codesByName: Readonly<Record<string, Code>> = {
  invalid_argument: Code.InvalidArgument,
  internal: Code.Internal,
  resource_exhausted: Code.ResourceExhausted,
  unimplemented: Code.Unimplemented,
};

async function readRefusal(response: UniversalServerResponse): Promise<OwnRefusal> {
  const text = await readText(response.body);
  if (response.status !== 200) {
    const { code, message } = JSON.parse(text) as { code?: string; message?: string };
    return { code: codesByName[code ?? ""] ?? Code.Canceled, message: message ?? "" };
  }
  // gRPC-Web has its trailers in the body; gRPC's are complete once the body was read.
  const status = response.trailer?.get("grpc-status") ?? /grpc-status: *(\d+)/.exec(text)?.[1];
  const message = response.trailer?.get("grpc-message") ?? /grpc-message: *([^\r]*)/.exec(text)?.[1];
  return { code: Number(status), message: decodeURIComponent(message ?? "") };
}

async function readText(body: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** The same call with an empty message: Connect can read it, so that the method answers, in the caller's protocol. */
export function emptyRequest(request: UniversalServerRequest): UniversalServerRequest {
  const contentType = request.header.get("content-type") ?? "application/json";
  const header = new Headers({ "content-type": contentType, "connect-protocol-version": "1" });
  return { ...request, method: "POST", header, body: oneChunk(emptyBody(contentType)) };
}

function emptyBody(contentType: string): Uint8Array {
  const message = Buffer.from(contentType.includes("json") ? "{}" : "");
  if (!contentType.startsWith("application/grpc")) return message;
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

async function* oneChunk(chunk: Uint8Array): AsyncIterable<Uint8Array> {
  yield chunk;
}
