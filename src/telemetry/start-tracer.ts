import type { Log } from "../lib/log.js";
import { noTracer, type Tracer } from "./tracer.js";

type Env = Readonly<Record<string, string | undefined>>;

/** Whether the environment asks for traces, by the standard variables of OpenTelemetry. */
export function asksForTraces(env: Env): boolean {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === "true" || env.OTEL_TRACES_EXPORTER?.trim() === "none") return false;
  return Boolean(env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?.trim() || env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim());
}

/** A tracer as the environment asks for it. OpenTelemetry is loaded only when it does. */
export async function tracerFor(env: Env, log: Log): Promise<Tracer> {
  if (!asksForTraces(env)) return noTracer;
  const { startTracing } = await import("./tracing.js");
  return startTracing(env, log);
}
