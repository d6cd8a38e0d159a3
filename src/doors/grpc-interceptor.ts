import { type ServerInterceptingCall, type ServerInterceptor, type StatusObject, status } from "@grpc/grpc-js";
import { wireError } from "../rpc/errors.js";
import { toStatusObject } from "./grpc-status.js";

/** How long a caller may take for sending its message and waiting for the answer. */
const requestTimeoutMs = 30_000;

type Status = Parameters<ServerInterceptingCall["sendStatus"]>[0];

/**
 * Makes grpc-js's own answers those of every other door, and puts one time limit in the place of its own on unary calls. Theirs
 * adds up deadlines beyond 24 days in 32 bits, so that they are over at once, and leaves a caller that never ends its message
 * alone; the deadline itself is the pipeline's. It needs two fields that grpc-js keeps to itself; a test tells when they are gone.
 */
export const guardCall: ServerInterceptor = (method, call) => {
  const send = call.sendStatus.bind(call);
  call.sendStatus = (given) => send(explained(given));
  const timed = call as unknown as { deadlineTimer?: NodeJS.Timeout | null; deadline: number };
  if (!method.requestStream && !method.responseStream && timed.deadlineTimer !== undefined) {
    if (timed.deadlineTimer !== null) clearTimeout(timed.deadlineTimer);
    if (timed.deadline < Date.now() - 1) timed.deadline = Number.POSITIVE_INFINITY;
    // grpc-js clears what is in this field when the call ends.
    timed.deadlineTimer = setTimeout(() => send(ownStatuses.get(status.DEADLINE_EXCEEDED)!), requestTimeoutMs);
  }
  return call as ServerInterceptingCall;
};

/** What grpc-js refuses by itself, before the pipeline sees the call. */
const ownStatuses: ReadonlyMap<status, StatusObject> = new Map([
  [status.DEADLINE_EXCEEDED, toStatusObject(wireError("DEADLINE_EXCEEDED"))],
  [
    status.RESOURCE_EXHAUSTED,
    toStatusObject(
      wireError("REQUEST_INVALID", {
        code: status.RESOURCE_EXHAUSTED as number,
        message: "The request is larger than this server reads. Send less.",
      }),
    ),
  ],
]);

function explained(given: Status): Status {
  if (given.code === status.OK || given.metadata !== undefined) return given;
  return given.code === undefined ? given : (ownStatuses.get(given.code) ?? given);
}
