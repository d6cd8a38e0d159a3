import { randomUUID } from "node:crypto";
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  type DescService,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { AuthError } from "../auth/errors.js";
import { Caller as CallerKind } from "../gen/latchkey/v1/access_pb.js";
import type { Log } from "../lib/log.js";
import type { Caller, CallSource, UserCaller } from "../model/caller.js";
import type { EndedCall } from "../model/door.js";
import { noTracer, type Tracer } from "../telemetry/tracer.js";
import type { AnyCaller, Gate } from "./access.js";
import { accessRule } from "./access-rule.js";
import { type CallContext, deadlinePassed } from "./call-context.js";
import { createToWireError, type ToWireError } from "./failures.js";
import type { InFlight } from "./in-flight.js";
import { type RawRequest, requestMaxBytes } from "./raw-request.js";
import { createRequestReader, type RequestReader } from "./requests.js";

/** One method with all its checks, the same for every door. It rejects only with a `ConnectError`. */
export type Call = (context: CallContext, request: RawRequest) => Promise<Message>;

export interface ServedMethod {
  readonly method: DescMethodUnary;
  /** A door may stop reading a larger message. The pipeline refuses it in any case. */
  readonly requestMaxBytes: number;
  readonly call: Call;
  /** Logs a failure in a door before the call. Returns what the caller may see. */
  readonly toWireError: (error: unknown) => ConnectError;
}

export interface ServedService {
  readonly service: DescService;
  readonly methods: readonly ServedMethod[];
}

type Methods<S extends DescService, C extends CallSource> = {
  [P in keyof S["method"]]: S["method"][P] extends DescMethodUnary<infer I, infer O>
    ? (caller: C, request: MessageShape<I>) => Promise<MessageInitShape<O>>
    : never;
};

/**
 * The handlers of a service. `forUsers` has those of CALLER_USER, `forAnyone` those of CALLER_ANY, and `forClients` all others.
 * `composeService` throws if a handler is on a side that the proto does not declare.
 */
export interface Handlers<S extends DescService> {
  readonly forClients: Partial<Methods<S, Caller>>;
  readonly forUsers: Partial<Methods<S, UserCaller>>;
  readonly forAnyone?: Partial<Methods<S, AnyCaller>>;
}

type Handler = (caller: AnyCaller & UserCaller, request: Message) => Promise<Init>;

export interface PipelineDeps {
  readonly inFlight: InFlight;
  readonly gate: Gate;
  readonly log: Log;
  readonly onCall?: (call: EndedCall) => void;
  readonly tracer?: Tracer;
}

type Init = MessageInitShape<DescMessage>;

/** The longest time that a call may take, even if its deadline is later. */
export const deadlineMaxMs = 10_000;

/** Puts the pipeline around every method of a service. Throws for a method without access rule or handler. */
export function composeService<S extends DescService>(deps: PipelineDeps, service: S, handlers: Handlers<S>): ServedService {
  const stages: Stages = { ...deps, reader: createRequestReader(), toWireError: createToWireError(deps.log) };
  const methods = service.methods.map((method): ServedMethod => {
    const side = handlers[sideOf(accessRule(method).caller)] ?? {};
    const handler = (side as Record<string, Handler | undefined>)[method.localName];
    if (!isUnary(method) || handler === undefined) {
      throw new Error(`${service.typeName}.${method.name} is not a unary method with a handler for its callers`);
    }
    return {
      method,
      requestMaxBytes: requestMaxBytes(method.input),
      call: composeMethod(stages, method, handler),
      toWireError: (error) => stages.toWireError(error, { method: pathOf(method), correlationId: randomUUID() }),
    };
  });
  return { service, methods };
}

function sideOf(caller: CallerKind): keyof Handlers<DescService> {
  if (caller === CallerKind.USER) return "forUsers";
  return caller === CallerKind.ANY ? "forAnyone" : "forClients";
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

type Stages = PipelineDeps & { readonly reader: RequestReader; readonly toWireError: ToWireError };

function composeMethod(stages: Stages, method: DescMethodUnary, handler: Handler): Call {
  const rule = accessRule(method);
  const name = pathOf(method);
  const tracer = stages.tracer ?? noTracer;
  const gate = tracer.traced({ name: "rpc.access", reasonOf }, stages.gate);
  const handle = tracer.traced({ name: `auth.${method.name}`, reasonOf }, handler);
  stages.reader.warm(method.input);

  const run = tracer.traced({ name: "rpc.pipeline", reasonOf }, check);

  async function check(context: CallContext, request: RawRequest, correlationId: string): Promise<Message> {
    // Authorize from headers before decoding, so that rejected calls stay cheap.
    const caller = await gate(rule, context, correlationId);
    const message = stages.reader.read(method.input, request);
    // Safe: the gate returns what the rule's side of the handlers needs.
    return create(method.output, await handle(caller as AnyCaller & UserCaller, message));
  }

  /** Runs the call within its deadline. A call that takes longer is answered then, but stays in flight until it ends. */
  function runInTime(context: CallContext, request: RawRequest, correlationId: string): Promise<Message> {
    if (context.timeoutMs <= 0) return Promise.reject(deadlinePassed);
    if (!stages.inFlight.enter()) return Promise.reject(new AuthError("OVERLOADED", { detail: "too many calls at once" }));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          context.abort.abort(deadlinePassed);
          reject(deadlinePassed);
        },
        Math.min(context.timeoutMs, deadlineMaxMs),
      );
      run(context, request, correlationId)
        .then(resolve, reject)
        .finally(() => {
          clearTimeout(timer);
          stages.inFlight.leave();
        });
    });
  }

  const call: Call = async (context, request) => {
    const startedAt = performance.now();
    const correlationId = randomUUID();
    const ended = (code: string): void =>
      stages.onCall?.({ method: name, door: context.door, code, tookMs: performance.now() - startedAt });
    try {
      const message = await runInTime(context, request, correlationId);
      ended("OK");
      return message;
    } catch (cause) {
      const error = stages.toWireError(cause, { method: name, correlationId });
      ended(nameOf(error.code));
      throw error;
    }
  };
  return tracer.served({ service: method.parent.typeName, method: method.name, statusOf }, call);
}

function pathOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

function statusOf(error: unknown): { readonly code: number; readonly name: string } {
  const { code } = ConnectError.from(error);
  return { code, name: nameOf(code) };
}

function reasonOf(error: unknown): string | undefined {
  return error instanceof AuthError ? error.reason : undefined;
}

/** gRPC's name of a code: `ResourceExhausted` is RESOURCE_EXHAUSTED. */
function nameOf(code: Code): string {
  return Code[code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
