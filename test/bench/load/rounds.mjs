import { setTimeout as sleep } from "node:timers/promises";
import { hasRetryInfo, isOverloaded, retryMs } from "./refusals.mjs";

/**
 * `clients` callers, each beginning again when it has its answer. `pauseMs` is what each waits in between. `count` is of all calls;
 * the rate is of those that ended within `ms`, after `rampMs` in which the callers spread.
 */
export async function closedLoop(act, { clients, ms, rampMs = 500, pauseMs = 0 }) {
  const startedAt = performance.now();
  const endsAt = startedAt + rampMs + ms;
  const tally = createTally({ from: startedAt + rampMs, to: endsAt });
  async function client(_, lane) {
    while (performance.now() < endsAt) {
      const outcome = await outcomeOf(act, lane);
      tally.add(outcome);
      const waitMs = outcome.error === undefined ? pauseMs : retryMs;
      if (waitMs > 0) await sleep(waitMs);
    }
  }
  await Promise.all(Array.from({ length: clients }, client));
  return tally.result();
}

const fillingMs = 1000;

/** `perSecond` calls, evenly spread, whatever becomes of them. The rate is of what ends within `ms`, after a second to fill the queues. */
export async function openLoop(act, { perSecond, ms }) {
  const pending = new Set();
  const startedAt = performance.now();
  const endsAt = startedAt + fillingMs + ms;
  const tally = createTally({ from: startedAt + fillingMs, to: endsAt });
  let begun = 0;
  function begin() {
    const one = outcomeOf(act, begun).then((outcome) => {
      tally.add(outcome);
      pending.delete(one);
    });
    pending.add(one);
    begun += 1;
  }
  for (let now = startedAt; now < endsAt; now = performance.now()) {
    while (begun < (perSecond * (now - startedAt)) / 1000) begin();
    await sleep(1);
  }
  await Promise.all(pending);
  return tally.result();
}

async function outcomeOf(act, lane) {
  const startedAt = performance.now();
  try {
    const done = await act(lane);
    return { tookMs: performance.now() - startedAt, partsMs: done?.partsMs };
  } catch (error) {
    // A login that is refused at its second call was refused after what that call took.
    return { tookMs: performance.now() - (error.calledAt ?? startedAt), error };
  }
}

function createTally({ from, to }) {
  const done = [];
  const parts = {};
  const refused = [];
  const failed = [];
  let withRetryInfo = 0;
  let inTime = 0;

  return {
    add({ tookMs, partsMs = {}, error }) {
      if (error === undefined) {
        const now = performance.now();
        if (now >= from && now < to) inTime += 1;
        done.push(tookMs);
        for (const [part, ms] of Object.entries(partsMs)) {
          parts[part] ??= [];
          parts[part].push(ms);
        }
        return;
      }
      if (!isOverloaded(error)) {
        failed.push(error.stack);
        return;
      }
      refused.push(tookMs);
      if (hasRetryInfo(error)) withRetryInfo += 1;
    },
    result: () => ({
      count: done.length,
      perSecond: (1000 * inTime) / (to - from),
      p50: percentile(done, 0.5),
      p99: percentile(done, 0.99),
      // Of acts of several calls: those of each call.
      ...Object.fromEntries(Object.entries(parts).map(([part, values]) => [`p50 of ${part}`, percentile(values, 0.5)])),
      refused: refused.length,
      refusedP99: percentile(refused, 0.99),
      withRetryInfo,
      failed: failed.length,
      failure: failed[0] ?? null,
    }),
  };
}

function percentile(values, share) {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
