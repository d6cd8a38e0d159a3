import { type Message, toBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { handleUnaryCall, MethodDefinition, ServerUnaryCall, ServiceDefinition } from "@grpc/grpc-js";
import { type Abort, type CallContext, callerGone, createAbort } from "../../rpc/call-context.js";
import type { ServedMethod } from "../../rpc/pipeline.js";
import { traceHeaders } from "../../telemetry/tracer.js";
import { type AddressOf, peerAddress } from "../address.js";
import type { Running } from "../running.js";
import { cleanUserAgent } from "../user-agent.js";
import { createToStatus } from "./status.js";

export interface GrpcMethods {
  readonly definition: ServiceDefinition;
  readonly implementation: Record<string, handleUnaryCall<Buffer, Message>>;
}

/** How the metadata of calls is read. */
export interface CallReading {
  readonly addressOf: AddressOf;
  /** Whether traces are made, so that the callers' trace context is read. */
  readonly traced?: boolean;
}

/** Converts methods for grpc-js. Requests stay bytes, so that the pipeline decodes them after it has authorized the caller. */
export function toGrpcMethods(methods: readonly ServedMethod[], read: CallReading, running: Running): GrpcMethods {
  const definition: Record<string, MethodDefinition<Buffer, Message>> = {};
  const implementation: GrpcMethods["implementation"] = {};
  for (const served of methods) {
    const { method } = served;
    definition[method.name] = {
      path: `/${method.parent.typeName}/${method.name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: unused,
      requestDeserialize: (bytes) => bytes,
      responseSerialize: (message) => toBuffer(toBinary(method.output, message)),
      responseDeserialize: unused,
    };
    implementation[method.name] = toHandler(served, read, running);
  }
  return { definition, implementation };
}

function unused(): never {
  throw new Error("only clients use this side of a method");
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function toHandler(served: ServedMethod, read: CallReading, running: Running): handleUnaryCall<Buffer, Message> {
  const toStatus = createToStatus();
  return (call, callback) => {
    const abort = createAbort();
    let answered = false;
    const end = running.begin();
    // grpc-js emits this event at the end of every call, answered or not.
    call.on("cancelled", () => {
      end();
      if (!answered) abort.abort(callerGone);
    });
    served.call(toIncoming(call, abort, read), { format: "binary", bytes: call.request }).then(
      (message) => {
        answered = true;
        callback(null, message);
      },
      (error: unknown) => {
        answered = true;
        callback(toStatus(ConnectError.from(error)));
      },
    );
  };
}

function toIncoming(call: ServerUnaryCall<Buffer, Message>, abort: Abort, { addressOf, traced }: CallReading): CallContext {
  const { metadata } = call;
  const forwardedFor = metadata.get("x-forwarded-for");
  const userAgent = metadata.get("user-agent")[0];
  return {
    door: "grpc",
    authorization: metadata.get("authorization") as string[],
    clientIds: metadata.get("x-latchkey-client") as string[],
    endUserIps: metadata.get("x-latchkey-end-user-ip") as string[],
    cookie: null,
    origin: undefined,
    address: addressOf(peerAddress(call.getPeer()), forwardedFor.length === 0 ? undefined : forwardedFor.join(",")),
    userAgent: cleanUserAgent(userAgent?.toString()),
    timeoutMs: Number(call.getDeadline()) - Date.now(),
    trace: traced === true ? traceHeaders((name) => metadata.get(name) as string[]) : undefined,
    abort,
  };
}
