import { fromBinary } from "@bufbuild/protobuf";
import { BadRequestSchema, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.js";
import type { Target } from "./callers.js";
import { frame, openSession, rawGrpc } from "./raw.js";

/** What a door answers to bytes that no library would send. */
export interface RawReply {
  /** gRPC's number; 0 is success. */
  readonly code: number;
  readonly reason: string;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
}

export interface RawDoor {
  readonly format: "binary" | "json";
  /** Calls `path`, such as `/latchkey.v1.AuthService/SendOtp`, with the message given as bytes. */
  post(target: Target, path: string, message: Uint8Array, headers?: Readonly<Record<string, string>>): Promise<RawReply>;
}

/** Every way to bring the bytes of a message to the service. */
export const rawDoors: Readonly<Record<string, RawDoor>> = {
  gRPC: { format: "binary", post: postGrpc },
  "gRPC-Web": { format: "binary", post: grpcWeb("application/grpc-web+proto") },
  "gRPC-Web JSON": { format: "json", post: grpcWeb("application/grpc-web+json") },
  "Connect binary": { format: "binary", post: connect("application/proto") },
  "Connect JSON": { format: "json", post: connect("application/json") },
};

async function postGrpc(
  target: Target,
  path: string,
  message: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawReply> {
  const session = openSession(target.grpcAddress);
  const answer = await rawGrpc(session, { path, headers, body: [frame(message)] });
  session.close();
  return replyOf(Number(answer.headers["grpc-status"]), answer.headers["grpc-status-details-bin"]);
}

function grpcWeb(contentType: string): RawDoor["post"] {
  return async (target, path, message, headers) => {
    const body = frame(message) as BodyInit;
    const request = { method: "POST", headers: { ...headers, "content-type": contentType }, body };
    const text = await (await fetch(`${target.webUrl}${path}`, request)).text();
    return replyOf(Number(/grpc-status: (\d+)/.exec(text)?.[1]), /grpc-status-details-bin: (\S+)/.exec(text)?.[1]);
  };
}

function replyOf(code: number, details: unknown): RawReply {
  if (typeof details !== "string") return { code, reason: "", violations: [] };
  const status = fromBinary(StatusSchema, Buffer.from(details, "base64"));
  return { code, ...readDetails(status.details.map(({ typeUrl, value }) => ({ type: typeUrl.split("/").at(-1)!, value }))) };
}

const codes: Readonly<Record<string, number>> = { invalid_argument: 3, resource_exhausted: 8, unauthenticated: 16 };

function connect(contentType: string): RawDoor["post"] {
  return async (target, path, message, given) => {
    const headers = { ...given, "content-type": contentType, "connect-protocol-version": "1" };
    const response = await fetch(`${target.webUrl}${path}`, { method: "POST", headers, body: message as BodyInit });
    if (response.ok) {
      await response.arrayBuffer();
      return { code: 0, reason: "", violations: [] };
    }
    const error = (await response.json()) as { code: string; details?: { type: string; value: string }[] };
    const details = (error.details ?? []).map(({ type, value }) => ({ type, value: Buffer.from(value, "base64") }));
    return { code: codes[error.code] ?? -1, ...readDetails(details) };
  };
}

function readDetails(details: readonly { readonly type: string; readonly value: Uint8Array }[]): Omit<RawReply, "code"> {
  const find = (type: string) => details.find((detail) => detail.type === type)?.value ?? new Uint8Array();
  const { fieldViolations } = fromBinary(BadRequestSchema, find(BadRequestSchema.typeName));
  return {
    reason: fromBinary(ErrorInfoSchema, find(ErrorInfoSchema.typeName)).reason,
    violations: fieldViolations.map(({ field, description }) => ({ field, description })),
  };
}
