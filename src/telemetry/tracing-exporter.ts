import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { Log } from "../lib/log.js";

/** Returns the same exporter. It logs the start and the end of an outage of the collector, each once. */
export function logOutages(exporter: SpanExporter, log: Log): SpanExporter {
  let failing = false;
  function note(result: ExportResult): void {
    const failed = result.code !== ExportResultCode.SUCCESS;
    if (failed === failing) return;
    failing = failed;
    // The text of the error may contain the body of an answer, so it is not logged.
    if (failed)
      log.warn({ cause: causeOf(result.error) }, "traces can't be exported; they are lost until the collector answers");
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
