import { ConnectError } from "@connectrpc/connect";
import {
  type Metadata,
  type ServerInterceptingCall,
  type ServerInterceptor,
  type ServerMethodDefinition,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { requestTooLarge, wireError } from "../../rpc/errors.js";
import { type Gunzip, readEncodings, unknownEncoding } from "../gunzip.js";
import { toStatusObject } from "./status.js";
import type { LimitStream, StreamingCall } from "./streams.js";

/** How long a caller may take for sending its message and waiting for the answer. */
const requestTimeoutMs = 30_000;

/** Parts of a call that grpc-js keeps to itself, and that are replaced here. A test fails when one of them is gone. */
interface OpenCall extends StreamingCall {
  deadlineTimer?: NodeJS.Timeout | null;
  deadline: number;
  /** Gives the contents of a message that came in its frame of five bytes, or throws the status to end the call with. */
  decompressMessage(framed: Buffer, encoding: string): Uint8Array;
  sendMetadata(metadata: Metadata): void;
}

/** Logs a failure in a call of the method with this path. Returns what the caller may see. */
export type ToWireError = (path: string, error: unknown) => ConnectError;

export interface CallGuardOptions {
  readonly gunzip: Gunzip;
  readonly toWireError: ToWireError;
  readonly limitStream: LimitStream;
  /** How long the messages of the method with this path may be. */
  readonly messageMaxBytes: (path: string) => number;
}

interface Reading {
  readonly maxBytes: number;
  /** Null: streams take no compressed messages. */
  readonly gunzip: Gunzip | null;
  readonly toWireError: (error: unknown) => ConnectError;
}

type Status = Partial<StatusObject>;
type Method = ServerMethodDefinition<unknown, unknown>;

/** Makes grpc-js's own answers those of every other door, and replaces its time limits and its decompression. */
export function createCallGuard({ gunzip, toWireError, limitStream, messageMaxBytes }: CallGuardOptions): ServerInterceptor {
  return (method, guarded) => {
    const call = guarded as unknown as OpenCall;
    explainStatuses(call);
    limitMessages(call, {
      maxBytes: messageMaxBytes(method.path),
      gunzip: isUnary(method) ? gunzip : null,
      toWireError: (error) => toWireError(method.path, error),
    });
    if (isUnary(method)) limitTime(call);
    else limitStream(call);
    return guarded as ServerInterceptingCall;
  };
}

function isUnary(method: Method): boolean {
  return !method.requestStream && !method.responseStream;
}

function explainStatuses(call: OpenCall): void {
  const send = call.sendStatus.bind(call);
  call.sendStatus = (given) => send(explained(given));
}

/**
 * Puts one limit in the place of grpc-js's own, which adds up deadlines beyond 24 days in 32 bits, so that they are over at once, and
 * has no limit for a caller that never ends its message. The deadline itself is the pipeline's.
 */
function limitTime(call: OpenCall): void {
  if (call.deadlineTimer === undefined) return;
  if (call.deadlineTimer !== null) clearTimeout(call.deadlineTimer);
  if (call.deadline < Date.now() - 1) call.deadline = Number.POSITIVE_INFINITY;
  // grpc-js clears what is in this field when the call ends.
  call.deadlineTimer = setTimeout(() => call.sendStatus({ code: status.DEADLINE_EXCEEDED }), requestTimeoutMs);
}

/**
 * grpc-js decompresses gzip and deflate in libuv's thread pool, all messages of a frame at once, before it finds that a unary call has
 * only one. Here only the first message of a unary call is decompressed, with `gunzip`.
 */
function limitMessages(call: OpenCall, { maxBytes, gunzip, toWireError }: Reading): void {
  let messages = 0;
  function read(contents: Uint8Array, encoding: string): Uint8Array {
    messages += 1;
    if (encoding === "identity" || (gunzip !== null && messages > 1)) return contents;
    if (encoding !== "gzip" || gunzip === null) throw unknownEncoding("grpc-accept-encoding");
    return gunzip(contents);
  }
  call.decompressMessage = (framed, encoding) => {
    try {
      const contents = read(framed.subarray(framedHeadBytes), encoding);
      if (contents.length > maxBytes) throw requestTooLarge();
      return contents;
    } catch (error) {
      throw toStatusObject(error instanceof ConnectError ? error : toWireError(error));
    }
  };
  const send = call.sendMetadata.bind(call);
  call.sendMetadata = (metadata) => {
    metadata.set("grpc-accept-encoding", readEncodings);
    send(metadata);
  };
}

const framedHeadBytes = 5;

/** What grpc-js refuses by itself, before the pipeline sees the call. */
const ownStatuses: ReadonlyMap<status, StatusObject> = new Map([
  [status.DEADLINE_EXCEEDED, toStatusObject(wireError("DEADLINE_EXCEEDED"))],
  [status.RESOURCE_EXHAUSTED, toStatusObject(requestTooLarge())],
]);

function explained(given: Status): Status {
  if (given.code === status.OK || given.metadata !== undefined) return given;
  return given.code === undefined ? given : (ownStatuses.get(given.code) ?? given);
}
