import { Code, type ConnectError } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { wireError } from "../../rpc/errors.js";

/** A refusal by Connect itself, before it reads the message: an unknown protocol version, or a malformed deadline. */
interface OwnRefusal {
  readonly code: Code;
  readonly message: string;
}

/** The error that replaces a response of Connect itself, whose errors lack our details. */
export async function replaceRefusal(response: UniversalServerResponse): Promise<ConnectError> {
  const { code, message } = await readRefusal(response);
  return code === Code.InvalidArgument || code === Code.Internal
    ? wireError("REQUEST_INVALID", { message })
    : wireError("CANCELED");
}

const codesByName: Readonly<Record<string, Code>> = {
  invalid_argument: Code.InvalidArgument,
  internal: Code.Internal,
};

async function readRefusal(response: UniversalServerResponse): Promise<OwnRefusal> {
  const text = await readText(response.body);
  if (response.status !== 200) {
    const { code, message } = JSON.parse(text) as { code?: string; message?: string };
    return { code: codesByName[code ?? ""] ?? Code.Canceled, message: message ?? "" };
  }
  // gRPC-Web has its trailers in the body. Those of gRPC are complete once the body has been read.
  const status = response.trailer?.get("grpc-status") ?? /grpc-status: *(\d+)/.exec(text)?.[1];
  const message = response.trailer?.get("grpc-message") ?? /grpc-message: *([^\r]*)/.exec(text)?.[1];
  return { code: Number(status), message: decodeURIComponent(message ?? "") };
}

async function readText(body: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
