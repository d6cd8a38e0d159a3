import { setTimeout as sleep } from "node:timers/promises";

/** `clients` callers, each beginning again when it has its answer. `pauseMs` is what each waits in between. */
export async function closedLoop(act, { clients, ms, pauseMs = 0 }) {
  const tally = createTally();
  const startedAt = performance.now();
  const endsAt = startedAt + ms;
  async function client(_, lane) {
    while (performance.now() < endsAt) {
      tally.add(await outcomeOf(act, lane));
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }
  await Promise.all(Array.from({ length: clients }, client));
  return tally.result((performance.now() - startedAt) / 1000);
}

const fillingMs = 1000;

/** `perSecond` calls, evenly spread, whatever becomes of them. Counts what ends within `ms`, after a second to fill the queues. */
export async function openLoop(act, { perSecond, ms }) {
  const pending = new Set();
  let tally = createTally();
  let begun = 0;
  function begin() {
    const one = outcomeOf(act, begun).then((outcome) => {
      tally.add(outcome);
      pending.delete(one);
    });
    pending.add(one);
    begun += 1;
  }
  async function keepUp(startedAt, untilMs) {
    for (let elapsedMs = performance.now() - startedAt; elapsedMs < untilMs; elapsedMs = performance.now() - startedAt) {
      while (begun < (perSecond * elapsedMs) / 1000) begin();
      await sleep(1);
    }
  }
  const startedAt = performance.now();
  await keepUp(startedAt, fillingMs);
  tally = createTally();
  const countedFrom = performance.now();
  await keepUp(startedAt, fillingMs + ms);
  const result = tally.result((performance.now() - countedFrom) / 1000);
  await Promise.all(pending);
  return result;
}

async function outcomeOf(act, lane) {
  const startedAt = performance.now();
  try {
    await act(lane);
    return { tookMs: performance.now() - startedAt };
  } catch (error) {
    // A login that is refused at its second call was refused after what that call took.
    return { tookMs: performance.now() - (error.calledAt ?? startedAt), error };
  }
}

function createTally() {
  const done = [];
  const refused = [];
  const failed = [];
  let withRetryInfo = 0;

  return {
    add({ tookMs, error }) {
      if (error === undefined) return void done.push(tookMs);
      const details = error.metadata?.get("grpc-status-details-bin")[0]?.toString("latin1") ?? "";
      if (!details.includes("OVERLOADED")) return void failed.push(error.stack);
      refused.push(tookMs);
      if (details.includes("google.rpc.RetryInfo")) withRetryInfo += 1;
    },
    result: (seconds) => ({
      count: done.length,
      perSecond: done.length / seconds,
      p50: percentile(done, 0.5),
      p99: percentile(done, 0.99),
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
