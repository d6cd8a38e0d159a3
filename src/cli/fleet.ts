import type { Settings } from "../config/settings.js";
import { escapeControls } from "../lib/escape.js";
import type { EpochMs } from "../model/time.js";
import type { SeenProcess } from "../store/port/processes.js";
import { timeText } from "./apps/output.js";
import type { Io } from "./io.js";
import { withStore } from "./with-store.js";

/** A process that was not seen for this long has ended, or can't reach the database. */
const liveMs = 10_000;

/** Returns the time after which a live process was seen. */
export function seenAfter(now: EpochMs): EpochMs {
  return now - liveMs;
}

function isLive({ seenAt }: SeenProcess, now: EpochMs): boolean {
  return seenAt > seenAfter(now);
}

export function liveProcesses(processes: readonly SeenProcess[], now: EpochMs): readonly SeenProcess[] {
  return processes.filter((process) => isLive(process, now));
}

const namedMax = 3;

/** Returns the names of processes for a sentence: machine, process id and addresses. */
export function processNames(processes: readonly SeenProcess[]): string {
  const names = processes
    .slice(0, namedMax)
    .map(({ host, pid, addresses }) => escapeControls(`${host} (process ${pid}, ${addresses.join(", ")})`));
  if (processes.length > namedMax) names.push(`${processes.length - namedMax} more`);
  const last = names.pop()!;
  return names.length === 0 ? last : `${names.join(", ")} and ${last}`;
}

/** Prints the processes that serve the database, and those that were lost within the last hour. */
export function listFleet(settings: Settings, { json = false }: { readonly json?: boolean }, io: Io): Promise<void> {
  return withStore(settings, async (store) => {
    const processes = await store.processes.list();
    const now = Date.now();
    if (json)
      io.out(
        JSON.stringify(
          processes.map((process) => fieldsOf(process, now)),
          null,
          2,
        ),
      );
    else if (processes.length === 0) io.out("No process serves this database.");
    else for (const process of processes) io.out(lineOf(process, now));
  });
}

function fieldsOf(process: SeenProcess, now: EpochMs): object {
  const { processId, host, pid, addresses, version, keyIds, writesWith, startedAt, seenAt } = process;
  return {
    process_id: processId,
    host,
    pid,
    addresses,
    version,
    master_keys: keyIds.master,
    peppers: keyIds.pepper,
    current_master_key: writesWith.master,
    current_pepper: writesWith.pepper,
    started_at: timeText(startedAt),
    seen_at: timeText(seenAt),
    live: isLive(process, now),
  };
}

function lineOf(process: SeenProcess, now: EpochMs): string {
  const { host, pid, addresses, version, keyIds, writesWith, startedAt, seenAt } = process;
  const keys = (ids: readonly string[], current: string) => `${current} of ${ids.join(",")}`;
  const state = isLive(process, now) ? "live" : `LOST, last seen ${timeText(seenAt)}`;
  return escapeControls(
    `${host.padEnd(20)} ${String(pid).padEnd(8)} ${addresses.join(" ").padEnd(36)} ${version.padEnd(8)} ` +
      `master key ${keys(keyIds.master, writesWith.master)}, pepper ${keys(keyIds.pepper, writesWith.pepper)}, ` +
      `since ${timeText(startedAt)}, ${state}`,
  );
}
