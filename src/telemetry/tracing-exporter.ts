import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { Log } from "../lib/log.js";

/** The same exporter, telling once that spans can't be delivered and once that they can be again. */
export function tellOutages(exporter: SpanExporter, log: Log): SpanExporter {
  let failing = false;
  function note(result: ExportResult): void {
    const failed = result.code !== ExportResultCode.SUCCESS;
    if (failed === failing) return;
    failing = failed;
    // Its text names the collector at most; an answer's body is left out.
    if (failed) log.warn({ cause: causeOf(result.error) }, "traces can't be exported, they are lost until they can");
    else log.info({}, "traces can be exported again");
  }
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        note(result);
        done(result);
      });
    },
    forceFlush: async () => await exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

function causeOf(error: (Error & { readonly code?: unknown }) | undefined): string {
  const code = error?.code === undefined ? "" : ` ${String(error.code)}`;
  return `${error?.name ?? "unknown"}${code}`;
}
