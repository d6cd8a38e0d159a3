import { type Duration, durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";

/** Milliseconds, rounded. Undefined stays undefined. */
export function fromDuration(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}

export function toDuration(ms: number | undefined): Duration | undefined {
  return ms === undefined ? undefined : durationFromMs(ms);
}
