import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { atMost } from "../lib/at-most.js";
import type { Log } from "../lib/log.js";
import { noTracer, type SpanPlan, type TraceHeaders, type Tracer } from "./tracer.js";
import { type Env, readTracingSettings } from "./tracing-env.js";
import { logOutages } from "./tracing-exporter.js";

/** How many messages' spans are remembered. A message that is sent after more than this number of others starts a new trace. */
const rememberedMax = 10_000;
const stopMaxMs = 3_000;

/** Creates traces with OpenTelemetry and exports them by OTLP over HTTP, as the environment's standard variables configure. */
export function startTracing(env: Env, log: Log): Tracer {
  const settings = readTracingSettings(env);
  for (const problem of settings.problems) log.warn({}, problem);
  if (settings.url === null) return noTracer;
  const { url, headers, timeoutMs, batch } = settings;
  const exporter = logOutages(new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: timeoutMs }), log);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ ...settings.resource }),
    sampler: settings.sampler,
    spanProcessors: [new BatchSpanProcessor({ exporter, ...batch })],
  });
  return createTracer(provider);
}

/** How the span of a call records its end. */
interface Recording<T> {
  result(result: T): void;
  error(error: unknown): void;
}

const statusCode = "rpc.grpc.status_code";

function createTracer(provider: TracerProvider): Tracer {
  const spans = provider.getTracer("latchkey");
  const present = new AsyncLocalStorage<Context | undefined>();
  const remembered = new Map<string, Context>();

  function parentOf<A extends unknown[], T>({ resumes }: SpanPlan<A, T>, input: A): Context | undefined {
    return resumes === undefined ? present.getStore() : (remembered.get(resumes(...input)) ?? ROOT_CONTEXT);
  }

  /** Runs `run` within a span, which ends with it. */
  async function within<T>(span: Span, parent: Context, run: () => Promise<T>, record: Recording<T>): Promise<T> {
    try {
      const result = await present.run(trace.setSpan(parent, span), run);
      record.result(result);
      return result;
    } catch (error) {
      record.error(error);
      throw error;
    } finally {
      span.end();
    }
  }

  return {
    on: true,
    served: ({ service, method, statusOf }, call) => {
      const name = `${service}/${method}`;
      const same = { "rpc.service": service, "rpc.method": method };
      return (context, request) => {
        const parent = callersContext(context.trace);
        const { door } = context;
        const attributes = { door, "rpc.system": door === "grpc" ? "grpc" : "connect_rpc", ...same };
        const span = spans.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
        return within(span, parent, () => call(context, request), {
          result: () => span.setAttribute(statusCode, 0),
          error: (error) => {
            const status = statusOf(error);
            span.setAttribute(statusCode, status.code);
            fail(span, status.name);
          },
        });
      };
    },
    traced: (plan, run) => {
      const options = { kind: plan.remote ? SpanKind.CLIENT : SpanKind.INTERNAL, attributes: plan.attributes };
      return async (...input) => {
        const parent = parentOf(plan, input);
        if (parent === undefined) return await run(...input);
        const span = spans.startSpan(plan.name, options, parent);
        return await within(span, parent, () => run(...input), {
          result: (result) => fail(span, plan.failureOf?.(result)),
          error: (error) => fail(span, plan.reasonOf?.(error) ?? classOf(error)),
        });
      };
    },
    detached:
      (run) =>
      (...input) =>
        present.run(undefined, () => run(...input)),
    remember(key) {
      const context = present.getStore();
      const place = context === undefined ? undefined : trace.getSpanContext(context);
      if (place === undefined) return;
      // Deleted first, so that it becomes the newest entry. Only the span's context is kept, because the span itself holds
      // more.
      remembered.delete(key);
      remembered.set(key, trace.setSpanContext(ROOT_CONTEXT, place));
      if (remembered.size > rememberedMax) remembered.delete(remembered.keys().next().value ?? "");
    },
    log: (log) => nameTraces(log, () => present.getStore()),
    // The exporter has already logged the failure.
    stop: () =>
      atMost(
        stopMaxMs,
        provider.shutdown().catch(() => {}),
      ),
  };
}

const propagator = new W3CTraceContextPropagator();

function callersContext(headers: TraceHeaders | undefined): Context {
  if (headers?.traceparent === undefined) return ROOT_CONTEXT;
  return propagator.extract(ROOT_CONTEXT, headers, {
    keys: () => [],
    get: ({ traceparent, tracestate }: TraceHeaders, name) => (name === "traceparent" ? traceparent : tracestate),
  });
}

function fail(span: Span, name: string | undefined): void {
  if (name === undefined) return;
  span.setAttribute("error.type", name);
  span.setStatus({ code: SpanStatusCode.ERROR, message: name });
}

/** Returns the class of an error. Its text may contain personal data. */
function classOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

function nameTraces(log: Log, present: () => Context | undefined): Log {
  const at =
    (level: keyof Log): Log["info"] =>
    (fields, message) => {
      const context = present();
      const traceId = context === undefined ? undefined : trace.getSpanContext(context)?.traceId;
      log[level](traceId === undefined ? fields : { traceId, ...fields }, message);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
