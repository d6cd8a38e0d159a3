import type { Log } from "../lib/log.js";

/** The W3C trace context that came with a call. */
export interface TraceHeaders {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** Reads the context from the values of a call's headers. More than one `traceparent` is none, as W3C demands. */
export function traceHeaders(valuesOf: (name: string) => readonly string[]): TraceHeaders {
  const parents = valuesOf("traceparent");
  const states = valuesOf("tracestate");
  return {
    traceparent: parents.length === 1 ? parents[0] : undefined,
    tracestate: states.length === 0 ? undefined : states.join(","),
  };
}

/** A call as its span tells of it. */
export interface TracedCall {
  readonly door: string;
  /** Read only when traces are made. */
  readonly trace?: TraceHeaders;
}

export interface ServedSpan {
  /** As in `latchkey.v1.AuthService`. */
  readonly service: string;
  readonly method: string;
  /** The gRPC status of what a call was refused with. */
  readonly statusOf: (error: unknown) => { readonly code: number; readonly name: string };
}

/** What a span says of a function's calls. It never holds an identifier, a code, a token or anything else of a person. */
export interface SpanPlan<A extends unknown[], T> {
  readonly name: string;
  /** Whether it is work that another system does for us. */
  readonly remote?: boolean;
  readonly attributes?: Readonly<Record<string, string>>;
  /** What a result says went wrong, in a word; undefined: nothing. */
  readonly failureOf?: (result: T) => string | undefined;
  /** The reason that an error stands for, such as `CODE_INVALID`. Undefined: the span names the error's class. */
  readonly reasonOf?: (error: unknown) => string | undefined;
  /** Where the span belongs: below the one that `remember` was called in with this key, or at the top of a trace of its own. */
  readonly resumes?: (...input: A) => string;
}

/**
 * Tells where the time of a call goes. Functions are wrapped when a server is put together, so that without traces they are what
 * they were, and a call pays nothing.
 */
export interface Tracer {
  readonly on: boolean;
  /** A method whose calls are spans below those of their callers. */
  served<C extends TracedCall, R, T>(
    span: ServedSpan,
    call: (context: C, request: R) => Promise<T>,
  ): (context: C, request: R) => Promise<T>;
  /** A function whose calls are spans below the one they are made in; made in none, and resuming none, they are not told. */
  traced<A extends unknown[], T>(span: SpanPlan<A, T>, run: (...input: A) => Promise<T>): (...input: A) => Promise<T>;
  /** A function that begins what belongs to no call. */
  detached<A extends unknown[], T>(run: (...input: A) => T): (...input: A) => T;
  /** Keeps the place in the present trace, for what goes on with it later in this process. */
  remember(key: string): void;
  /** The same log, whose lines name the trace they belong to. */
  log(log: Log): Log;
  /** Sends what is left, for a few seconds at the most. Never rejects. */
  stop(): Promise<void>;
}

export const noTracer: Tracer = {
  on: false,
  served: (_span, call) => call,
  traced: (_span, run) => run,
  detached: (run) => run,
  remember() {},
  log: (log) => log,
  stop: () => Promise.resolve(),
};
