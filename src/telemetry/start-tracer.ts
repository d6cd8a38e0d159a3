import type { Log } from "../lib/log.js";
import { noTracer, type Tracer } from "./tracer.js";

type Env = Readonly<Record<string, string | undefined>>;

/** Returns whether the environment enables traces, by OpenTelemetry's standard variables. */
export function asksForTraces(env: Env): boolean {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER?.trim() === "none") return false;
  return Boolean(env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?.trim() || env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim());
}

/** Returns the tracer that the environment configures. Loads OpenTelemetry only if traces are enabled. */
export async function tracerFor(env: Env, log: Log): Promise<Tracer> {
  if (!asksForTraces(env)) return noTracer;
  const { startTracing } = await import("./tracing.js");
  return startTracing(env, log);
}
