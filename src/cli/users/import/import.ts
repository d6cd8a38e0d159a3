import { importMax, skipNumbers } from "../../../accounts/import-users.js";
import type { Settings } from "../../../config/settings.js";
import type { Json } from "../../apps/app.js";
import { explain } from "../../explain.js";
import { CliError, type Io } from "../../io.js";
import { type InApp, withAccounts } from "../with-accounts.js";
import { importBatch, type WaitingLine } from "./batch.js";
import { type Described, describe } from "./fields.js";
import type { Origin } from "./from/origin.js";
import { type Reader, readerFor } from "./from/vendors.js";
import { numberOf, type Place, placeText, type SourceLine } from "./line.js";
import { createReport, type Report } from "./report.js";
import { createSeenValues } from "./seen.js";
import { type Format, isRegularFile, openSource, readError } from "./source.js";

export interface ImportOptions extends Json {
  readonly app: string;
  /** A path, or `-` for standard input. */
  readonly file: string;
  readonly format?: Format;
  /** The service that the source comes from. Undefined: the source has the format of `import` itself. */
  readonly from?: Origin;
  /** The kind of users for whom the source gives none. */
  readonly kind?: string;
  readonly dryRun?: boolean;
  /**
   * Whether contacts that the source calls verified become verified. False: all contacts become claims. Undefined: those of a
   * vendor become verified, and any other source that says so is refused.
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
  const reader = readerFor(options.from);
  const source = await openSource(file, { format, csv: reader.csv });
  const stop = stopRequest();
  // If the reader of the report ends early, the import goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignore);
  try {
    return await withAccounts(settings, { appId, io }, async (given) => {
      const report = createReport({ json: options.json === true, io });
      const run = { options, reader, io, report, stopped: stop.requested };
      await reserveNumbers(given, run);
      const nextLine = await importLines(given, source.lines, run);
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
  readonly reader: Reader;
  readonly io: Io;
  readonly report: Report;
  readonly stopped: () => boolean;
}

/** How often a long import says how far it is. */
const progressMs = 5_000;

/**
 * Moves the counter of users' numbers above those of the source, so that no user who registers meanwhile gets one of them. Only a file
 * can be read for this before the import.
 */
async function reserveNumbers(given: InApp, run: Run): Promise<void> {
  const { file, format, dryRun = false } = run.options;
  if (dryRun || !isRegularFile(file)) return;
  const source = await openSource(file, { format, csv: run.reader.csv });
  let upTo = 0;
  try {
    for await (const { read } of source.lines) {
      if (run.stopped()) return;
      const described = "record" in read ? describedBy(read.record, given, run) : read;
      const number = "user" in described ? (described.user.number ?? 0) : 0;
      if (Number.isSafeInteger(number)) upTo = Math.max(upTo, number);
    }
  } catch (error) {
    throw readError(error, file);
  } finally {
    await source.close();
  }
  if (upTo > 0) await skipNumbers(given.deps, given.actor, { upTo });
}

/** Returns the first line that was not looked at because of a request to stop, or null. */
async function importLines(given: InApp, lines: AsyncIterable<SourceLine>, run: Run): Promise<number | null> {
  const { options, io, report, stopped } = run;
  const { fromLine = 1, dryRun = false } = options;
  const seen = createSeenValues();
  let waiting: WaitingLine[] = [];
  let next = fromLine;
  let toldAt = performance.now();

  async function flush(): Promise<void> {
    const outcomes = await importBatch(given, waiting, { seen, dryRun, keepsIds: options.from !== undefined });
    for (const [index, line] of waiting.entries()) report.count(line, outcomes[index]!);
    const last = waiting.at(-1);
    if (last !== undefined) next = numberOf(last) + 1;
    waiting = [];
    if (performance.now() - toldAt < progressMs) return;
    toldAt = performance.now();
    io.err(`${report.lines()} lines done. If this import is interrupted, go on with --from-line ${next}.`);
  }

  try {
    for await (const { read, ...place } of lines) {
      if (numberOf(place) < fromLine) continue;
      waiting.push({ ...place, read: "record" in read ? userIn(read.record, { place, next, given, run }) : read });
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

/** Returns the user of a record, or what is wrong with its form. */
function describedBy(
  record: Readonly<Record<string, unknown>>,
  { deps }: InApp,
  { reader, options }: Run,
): Described | { readonly problem: string } {
  const now = deps.clock();
  const read = reader.read(record, now);
  if ("problem" in read) return read;
  const described = describe({ ...read.record, kind: read.record.kind ?? options.kind }, now);
  return "problems" in described ? { problem: `has a wrong value: ${described.problems.join("; ")}` } : described;
}

function userIn(
  record: Readonly<Record<string, unknown>>,
  { place, next, given, run }: { readonly place: Place; readonly next: number; readonly given: InApp; readonly run: Run },
): WaitingLine["read"] {
  const described = describedBy(record, given, run);
  if ("problem" in described) return described;
  const { user, saysVerified } = described;
  const { verifiedBySource = run.reader.isVendor ? true : undefined } = run.options;
  if (!saysVerified || verifiedBySource === true) return { user };
  if (verifiedBySource === false) {
    return { user: { ...user, contacts: user.contacts.map((contact) => ({ ...contact, verifiedAt: null })) } };
  }
  const nothing = `Nothing was imported${next === 1 ? "" : ` from ${place.item === undefined ? "line" : "item"} ${next} on`}.`;
  throw new CliError(
    `${placeText(place)} says that a contact is verified. Add --verified-by-source if you trust the source in this. Otherwise add ` +
      `--no-verified-by-source: the first code that comes back then verifies each contact. ${nothing}`,
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
