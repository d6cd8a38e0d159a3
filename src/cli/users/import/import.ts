import { importMax } from "../../../accounts/import-users.js";
import type { Settings } from "../../../config/settings.js";
import type { Json } from "../../apps/app.js";
import { explain } from "../../explain.js";
import { CliError, type Io } from "../../io.js";
import { type InApp, withAccounts } from "../with-accounts.js";
import { importBatch, type WaitingLine } from "./batch.js";
import { describe } from "./fields.js";
import type { SourceLine } from "./line.js";
import { createReport, type Report } from "./report.js";
import { createSeenValues } from "./seen.js";
import { type Format, openSource, readError } from "./source.js";

export interface ImportOptions extends Json {
  readonly app: string;
  /** A path, or `-` for standard input. */
  readonly file: string;
  readonly format?: Format;
  readonly dryRun?: boolean;
  /**
   * Whether contacts that the source calls verified become verified. False: all contacts become claims. Undefined: a source that
   * says so is refused.
   */
  readonly verifiedBySource?: boolean;
  /** Lines before it are left out. */
  readonly fromLine?: number;
}

/**
 * Imports users from JSON lines or CSV, in batches, with bounded memory. A repeat changes nothing. Returns whether all lines were
 * read and none failed. SIGINT and SIGTERM end it after the batch that runs.
 */
export async function importPeople(settings: Settings, options: ImportOptions, io: Io): Promise<boolean> {
  const { app: appId, file, format } = options;
  const source = await openSource(file, format);
  const stop = stopRequest();
  // If the reader of the report ends early, the import goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignore);
  try {
    return await withAccounts(settings, { appId, io }, async (given) => {
      const report = createReport({ json: options.json === true, io });
      const nextLine = await importLines(given, source.lines, { options, io, report, stopped: stop.requested });
      return report.finish({ dryRun: options.dryRun === true, nextLine }) && nextLine === null;
    });
  } finally {
    stop.forget();
    for (const stream of [process.stdout, process.stderr]) stream.off("error", ignore);
    await source.close();
  }
}

const ignore = (): void => {};

interface Run {
  readonly options: ImportOptions;
  readonly io: Io;
  readonly report: Report;
  readonly stopped: () => boolean;
}

/** How often a long import says how far it is. */
const progressMs = 5_000;

/** Returns the first line that was not looked at because of a request to stop, or null. */
async function importLines(given: InApp, lines: AsyncIterable<SourceLine>, run: Run): Promise<number | null> {
  const { options, io, report, stopped } = run;
  const { fromLine = 1, dryRun = false } = options;
  const seen = createSeenValues();
  let waiting: WaitingLine[] = [];
  let next = fromLine;
  let toldAt = performance.now();

  async function flush(): Promise<void> {
    const outcomes = await importBatch(given, waiting, { seen, dryRun });
    for (const [index, { line }] of waiting.entries()) report.count(line, outcomes[index]!);
    next = (waiting.at(-1)?.line ?? next - 1) + 1;
    waiting = [];
    if (performance.now() - toldAt < progressMs) return;
    toldAt = performance.now();
    io.err(`${report.lines()} lines done. If this import is interrupted, go on with --from-line ${next}.`);
  }

  try {
    for await (const { line, read } of lines) {
      if (line < fromLine) continue;
      waiting.push({ line, read: "record" in read ? userIn(read.record, { line, next, given, options }) : read });
      if (waiting.length < importMax) continue;
      await flush();
      if (stopped()) return next;
    }
    await flush();
    return null;
  } catch (error) {
    if (report.lines() === 0) throw readError(error, options.file);
    report.finish({ dryRun, nextLine: next });
    throw new CliError(explain(readError(error, options.file)));
  }
}

function userIn(
  record: Readonly<Record<string, unknown>>,
  { line, next, given, options }: { line: number; next: number; given: InApp; options: ImportOptions },
): WaitingLine["read"] {
  const described = describe(record, given.deps.clock());
  if ("problems" in described) return { problem: `has a wrong value: ${described.problems.join("; ")}` };
  const { user, saysVerified } = described;
  if (!saysVerified || options.verifiedBySource === true) return { user };
  if (options.verifiedBySource === false) {
    return { user: { ...user, contacts: user.contacts.map((contact) => ({ ...contact, verifiedAt: null })) } };
  }
  throw new CliError(
    `Line ${line} says that a contact is verified. Add --verified-by-source if you trust the source in this. Otherwise add ` +
      `--no-verified-by-source: the first code that comes back then verifies each contact. ${next === 1 ? "Nothing was imported." : `Nothing was imported from line ${next} on.`}`,
  );
}

/** Listens for the first SIGINT or SIGTERM. The next one ends the process at once. */
function stopRequest(): { requested(): boolean; forget(): void } {
  let requested = false;
  const signals = ["SIGINT", "SIGTERM"] as const;
  const hear = (): void => {
    requested = true;
    forget();
  };
  const forget = (): void => {
    for (const signal of signals) process.off(signal, hear);
  };
  for (const signal of signals) process.on(signal, hear);
  return { requested: () => requested, forget };
}
