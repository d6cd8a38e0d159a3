import type { Log } from "../lib/log.js";

/** The W3C trace context that came with a call. */
export interface TraceHeaders {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** Reads the context from a call's headers. More than one `traceparent` counts as none, as W3C requires. */
export function traceHeaders(valuesOf: (name: string) => readonly string[]): TraceHeaders {
  const parents = valuesOf("traceparent");
  const states = valuesOf("tracestate");
  return {
    traceparent: parents.length === 1 ? parents[0] : undefined,
    tracestate: states.length === 0 ? undefined : states.join(","),
  };
}

/** The facts about a call that its span needs. */
export interface TracedCall {
  readonly door: string;
  /** Read only if traces are made. */
  readonly trace?: TraceHeaders;
}

export interface ServedSpan {
  /** For example `latchkey.v1.AuthService`. */
  readonly service: string;
  readonly method: string;
  /** Returns the gRPC status of a refused call. */
  readonly statusOf: (error: unknown) => { readonly code: number; readonly name: string };
}

/** Name and attributes of a function's spans. They never hold an identifier, a code, a token or other personal data. */
export interface SpanPlan<A extends unknown[], T> {
  readonly name: string;
  /** Whether another system does the work. */
  readonly remote?: boolean;
  readonly attributes?: Readonly<Record<string, string>>;
  /** Returns what failed according to the result, in a word. Returns undefined if nothing failed. */
  readonly failureOf?: (result: T) => string | undefined;
  /** Returns the reason of an error, such as `CODE_INVALID`. If it is undefined, the span names the error's class. */
  readonly reasonOf?: (error: unknown) => string | undefined;
  /** Returns the key of the span's parent: the span that called `remember` with this key. Without it a new trace starts. */
  readonly resumes?: (...input: A) => string;
}

/**
 * Creates spans, which show where a call spends its time. Functions are wrapped when a server is composed. Without traces they
 * stay unwrapped, so a call costs nothing more.
 */
export interface Tracer {
  readonly on: boolean;
  /** Wraps a method: each call is a span below the caller's span. */
  served<C extends TracedCall, R, T>(
    span: ServedSpan,
    call: (context: C, request: R) => Promise<T>,
  ): (context: C, request: R) => Promise<T>;
  /**
   * Wraps a function: each call is a span below the current one. A call outside any span creates none, unless it resumes one.
   */
  traced<A extends unknown[], T>(span: SpanPlan<A, T>, run: (...input: A) => Promise<T>): (...input: A) => Promise<T>;
  /** Wraps a function whose work belongs to no call. */
  detached<A extends unknown[], T>(run: (...input: A) => T): (...input: A) => T;
  /** Remembers the current span, so that later work of this process can continue its trace. */
  remember(key: string): void;
  /** Returns the same log, with the trace named in each line. */
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
