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

/** How long a call may take, from its headers to its answer. */
const requestTimeoutMs = 30_000;

/** Private parts of a grpc-js call that this file replaces. A test fails if one of them is missing. */
interface OpenCall extends StreamingCall {
  deadlineTimer?: NodeJS.Timeout | null;
  deadline: number;
  /** Returns the contents of a message after its five-byte frame head. Throws the status that ends the call. */
  decompressMessage(framed: Buffer, encoding: string): Uint8Array;
  sendMetadata(metadata: Metadata): void;
}

/** Logs a failure in a call of the method with this path. Returns the error for the caller. */
export type ToWireError = (path: string, error: unknown) => ConnectError;

export interface CallGuardOptions {
  readonly gunzip: Gunzip;
  readonly toWireError: ToWireError;
  readonly limitStream: LimitStream;
  /** The maximum message length of the method with this path. */
  readonly messageMaxBytes: (path: string) => number;
}

interface Reading {
  readonly maxBytes: number;
  /** Null if streams accept no compressed messages. */
  readonly gunzip: Gunzip | null;
  readonly toWireError: (error: unknown) => ConnectError;
}

type Status = Partial<StatusObject>;
type Method = ServerMethodDefinition<unknown, unknown>;

/** Gives errors of grpc-js itself the form of all others, and replaces its time limits and its decompression. */
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
 * Replaces the time limit of grpc-js. That one counts in 32 bits, so deadlines beyond 24 days expire at once. It also does not
 * limit a caller that never ends its message. The pipeline enforces the deadline itself.
 */
function limitTime(call: OpenCall): void {
  if (call.deadlineTimer === undefined) return;
  if (call.deadlineTimer !== null) clearTimeout(call.deadlineTimer);
  if (call.deadline < Date.now() - 1) call.deadline = Number.POSITIVE_INFINITY;
  // grpc-js clears the timer in this field when the call ends.
  call.deadlineTimer = setTimeout(() => call.sendStatus({ code: status.DEADLINE_EXCEEDED }), requestTimeoutMs);
}

/**
 * Decompresses only the first message of a unary call, with `gunzip`. grpc-js would decompress all messages of a frame in
 * libuv's thread pool before it notices that a unary call has more than one.
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

/** Refusals by grpc-js itself, before the pipeline gets the call. */
const ownStatuses: ReadonlyMap<status, StatusObject> = new Map([
  [status.DEADLINE_EXCEEDED, toStatusObject(wireError("DEADLINE_EXCEEDED"))],
  [status.RESOURCE_EXHAUSTED, toStatusObject(requestTooLarge())],
]);

function explained(given: Status): Status {
  if (given.code === status.OK || given.metadata !== undefined) return given;
  return given.code === undefined ? given : (ownStatuses.get(given.code) ?? given);
}
