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

/** What the span of a call needs to know of it. */
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

/** Name and attributes of the spans of a function's calls. They never hold an identifier, a code, a token or other personal data. */
export interface SpanPlan<A extends unknown[], T> {
  readonly name: string;
  /** Whether another system does the work. */
  readonly remote?: boolean;
  readonly attributes?: Readonly<Record<string, string>>;
  /** What went wrong according to the result, in a word; undefined if nothing did. */
  readonly failureOf?: (result: T) => string | undefined;
  /** The reason that an error stands for, such as `CODE_INVALID`. Undefined: the span names the error's class. */
  readonly reasonOf?: (error: unknown) => string | undefined;
  /** The key of the span's parent, which is the span that called `remember` with this key. Without it a new trace begins. */
  readonly resumes?: (...input: A) => string;
}

/**
 * Makes spans, which show where the time of a call goes. Functions are wrapped when a server is composed. Without traces they stay as
 * they are, so a call costs nothing more.
 */
export interface Tracer {
  readonly on: boolean;
  /** Wraps a method: each call is a span below the caller's span. */
  served<C extends TracedCall, R, T>(
    span: ServedSpan,
    call: (context: C, request: R) => Promise<T>,
  ): (context: C, request: R) => Promise<T>;
  /** Wraps a function: each call is a span below the present one. A call outside of any span makes none, unless it resumes one. */
  traced<A extends unknown[], T>(span: SpanPlan<A, T>, run: (...input: A) => Promise<T>): (...input: A) => Promise<T>;
  /** Wraps a function whose work belongs to no call. */
  detached<A extends unknown[], T>(run: (...input: A) => T): (...input: A) => T;
  /** Remembers the present span, so that later work of this process can continue its trace. */
  remember(key: string): void;
  /** The same log, whose lines name their trace. */
  log(log: Log): Log;
  /** Sends the remaining spans, for a few seconds at most. Never rejects. */
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
