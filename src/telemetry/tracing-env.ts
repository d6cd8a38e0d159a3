import { parseKeyPairsIntoRecord } from "@opentelemetry/core";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * The values of the standard variables. The exporter itself reads certificates and compression. OpenTelemetry could read the
 * rest too, but only from process.env. It also ignores most invalid values silently, or logs them with the URL and its
 * password.
 */
export interface TracingSettings {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number | undefined;
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: Sampler;
  readonly batch: {
    readonly scheduledDelayMillis: number | undefined;
    readonly maxQueueSize: number | undefined;
    readonly maxExportBatchSize: number | undefined;
    readonly exportTimeoutMillis: number | undefined;
  };
  /** Sentences about values that are ignored. */
  readonly problems: readonly string[];
}

/**
 * Reads the variables. As the specification requires, invalid values are reported and ignored. `url` is null if it is invalid.
 */
export function readTracingSettings(env: Env): TracingSettings | { readonly url: null; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const url = readUrl(env);
  if (url === null) return { url, problems: ["OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https URL: no traces are made"] };
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL?.trim() || env.OTEL_EXPORTER_OTLP_PROTOCOL?.trim() || "http/json";
  if (protocol !== "http/json") problems.push(`OTEL_EXPORTER_OTLP_PROTOCOL=${protocol}: traces are sent as http/json`);
  const count = (name: string): number | undefined => {
    const value = env[name]?.trim();
    if (value === undefined || value === "") return undefined;
    if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
    problems.push(`${name} is not a whole number above 0`);
    return undefined;
  };
  const named = parseKeyPairsIntoRecord(env.OTEL_RESOURCE_ATTRIBUTES);
  const service = env.OTEL_SERVICE_NAME?.trim() || named["service.name"] || "latchkey";
  return {
    url,
    headers: {
      ...parseKeyPairsIntoRecord(env.OTEL_EXPORTER_OTLP_HEADERS),
      ...parseKeyPairsIntoRecord(env.OTEL_EXPORTER_OTLP_TRACES_HEADERS),
    },
    timeoutMs: count("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT") ?? count("OTEL_EXPORTER_OTLP_TIMEOUT"),
    resource: { ...named, "service.name": service },
    sampler: readSampler(env, problems),
    batch: {
      scheduledDelayMillis: count("OTEL_BSP_SCHEDULE_DELAY"),
      maxQueueSize: count("OTEL_BSP_MAX_QUEUE_SIZE"),
      maxExportBatchSize: count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
      exportTimeoutMillis: count("OTEL_BSP_EXPORT_TIMEOUT"),
    },
    problems,
  };
}

function readUrl(env: Env): string | null {
  const own = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?.trim();
  const common = (env.OTEL_EXPORTER_OTLP_ENDPOINT ?? "").trim().replace(/\/*$/, "/v1/traces");
  const text = own || common;
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
}

function readSampler(env: Env, problems: string[]): Sampler {
  const name = env.OTEL_TRACES_SAMPLER?.trim() || "parentbased_always_on";
  const [, parentBased, kind] = /^(parentbased_)?(always_on|always_off|traceidratio)$/.exec(name) ?? [];
  if (kind === undefined) problems.push(`OTEL_TRACES_SAMPLER=${name} is not known: parentbased_always_on is used`);
  const root =
    kind === "always_off"
      ? new AlwaysOffSampler()
      : kind === "traceidratio"
        ? new TraceIdRatioBasedSampler(readRatio(env, problems))
        : new AlwaysOnSampler();
  return kind === undefined || parentBased !== undefined ? new ParentBasedSampler({ root }) : root;
}

function readRatio(env: Env, problems: string[]): number {
  const text = env.OTEL_TRACES_SAMPLER_ARG?.trim() || "1";
  const ratio = Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  problems.push("OTEL_TRACES_SAMPLER_ARG is not between 0 and 1: 1 is used");
  return 1;
}
