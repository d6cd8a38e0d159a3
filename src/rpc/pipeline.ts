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
import type { ConnectError } from "@connectrpc/connect";
import type { Caller, Log, UserCaller } from "../auth/deps.js";
import { AuthError } from "../auth/errors.js";
import { Caller as CallerKind } from "../gen/latchkey/v1/access_pb.js";
import { accessRule, type Gate } from "./access.js";
import { createExplainFailure, type ExplainFailure } from "./failures.js";
import type { InFlight } from "./in-flight.js";
import { deadlinePassed, type Incoming } from "./incoming.js";
import { createRequestReader, type RequestReader } from "./requests.js";

/**
 * One method with all its checks, the same for every door. `request` is the bytes as they came, or a message that the door had to
 * decode itself. It rejects with a `ConnectError` and with nothing else.
 */
export type Call = (incoming: Incoming, request: Uint8Array | Message) => Promise<Message>;

export interface ServedMethod {
  readonly method: DescMethodUnary;
  readonly call: Call;
}

export interface ServedService {
  readonly service: DescService;
  readonly methods: readonly ServedMethod[];
}

type Methods<S extends DescService, C extends Caller> = {
  [P in keyof S["method"]]: S["method"][P] extends DescMethodUnary<infer I, infer O>
    ? (caller: C, request: MessageShape<I>) => Promise<MessageInitShape<O>>
    : never;
};

/**
 * The methods of a service, by who calls them: those of signed-in users get a `UserCaller`. Which method is whose is declared in
 * the proto, and composing refuses a handler that stands on the other side.
 */
export interface Handlers<S extends DescService> {
  readonly forClients: Partial<Methods<S, Caller>>;
  readonly forUsers: Partial<Methods<S, UserCaller>>;
}

type Handler = (caller: UserCaller, request: Message) => Promise<Init>;

export interface PipelineDeps {
  readonly inFlight: InFlight;
  readonly gate: Gate;
  readonly log: Log;
}

type Init = MessageInitShape<DescMessage>;

/** The longest that a caller waits, whatever deadline it asks for. */
export const deadlineMaxMs = 10_000;

/** Puts the pipeline around every method of a service. Throws for a method without access rule or handler. */
export function composeService<S extends DescService>(deps: PipelineDeps, service: S, handlers: Handlers<S>): ServedService {
  const stages: Stages = { ...deps, reader: createRequestReader(), explain: createExplainFailure(deps.log) };
  const methods = service.methods.map((method): ServedMethod => {
    const side = accessRule(method).caller === CallerKind.USER ? handlers.forUsers : handlers.forClients;
    const handler = (side as Record<string, Handler | undefined>)[method.localName];
    if (!isUnary(method) || handler === undefined) {
      throw new Error(`${service.typeName}.${method.name} is not a unary method with a handler for its callers`);
    }
    return { method, call: composeMethod(stages, method, handler) };
  });
  return { service, methods };
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

type Stages = PipelineDeps & { readonly reader: RequestReader; readonly explain: ExplainFailure };

function composeMethod(stages: Stages, method: DescMethodUnary, handler: Handler): Call {
  const rule = accessRule(method);
  const name = `${method.parent.typeName}/${method.name}`;
  stages.reader.warm(method.input);

  async function run(incoming: Incoming, request: Uint8Array | Message, correlationId: string): Promise<Message> {
    // Headers are looked at before the message is: who may not call pays, and costs, as little as possible.
    const caller = await stages.gate(rule, incoming, correlationId);
    const message = stages.reader.read(method.input, request);
    // The gate gave a `UserCaller` where the rule asks for a user, and only there is the handler one of users.
    return create(method.output, await handler(caller as UserCaller, message));
  }

  return (incoming, request) => {
    const correlationId = randomUUID();
    const explain = (error: unknown): ConnectError => stages.explain(error, { method: name, correlationId });
    if (incoming.timeoutMs <= 0) return Promise.reject(explain(deadlinePassed));
    if (!stages.inFlight.enter())
      return Promise.reject(explain(new AuthError("OVERLOADED", { detail: "too many calls at once" })));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          incoming.abort.abort(deadlinePassed);
          reject(explain(deadlinePassed));
        },
        Math.min(incoming.timeoutMs, deadlineMaxMs),
      );
      const settle = () => {
        clearTimeout(timer);
        stages.inFlight.leave();
      };
      run(incoming, request, correlationId).then(
        (message) => {
          settle();
          resolve(message);
        },
        (error: unknown) => {
          settle();
          reject(explain(error));
        },
      );
    });
  };
}
