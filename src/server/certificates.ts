import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type TlsOptions } from "node:tls";
import { checkTlsFiles, type Tls } from "../config/tls.js";
import { toTlsOptions } from "../doors/tls.js";
import type { Log } from "../lib/log.js";

type TlsFiles = Extract<Tls, { kind: "files" }>;

/** The TLS options of the servers. They follow the files, so a renewal needs no restart. */
export interface Certificates {
  /** Returns the current options. */
  options(): TlsOptions;
  /** Returns the remaining validity of the certificate in use, negative once it has expired, and its whole lifetime. */
  validity(): { readonly leftMs: number; readonly wholeMs: number };
  /**
   * Calls `renew` with the options now and after each renewal. If `renew` throws after a renewal, the next check calls it
   * again.
   */
  follow(renew: Follower): void;
  /** Reads the files now, and logs the result even if nothing changed. */
  reload(): Promise<void>;
  stop(): void;
}

/** The longest time until a renewal is in use. Reading three small files costs a fraction of a millisecond. */
const regularlyMs = 2_000;

type Follower = (options: TlsOptions) => void;

/** The contents of the files at one moment, or an error for a file that can't be read. */
type Contents = ReadonlyMap<string, string | Error>;

/**
 * Reads the files, and again every 2 s. It compares their contents, so it notices links that change their target and files that
 * are renamed into place. Files that can't be used change nothing. Throws if the first files can't be used.
 */
export async function watchCertificates(given: {
  readonly files: TlsFiles;
  readonly clock: () => number;
  readonly log: Log;
  readonly everyMs?: number;
}): Promise<Certificates> {
  const { files, clock, log, everyMs = regularlyMs } = given;
  const followers = new Set<Follower>();
  /** The followers that do not use `options` yet. */
  const behind = new Set<Follower>();
  let used = await readContents(files);
  const problem = problemOf(files, used);
  if (problem !== null) throw new Error(problem);
  let options = optionsOf(files, used);
  let leaf = leafOf(options);
  /** The last contents that could not be used. */
  let refused: { readonly contents: Contents; readonly problem: string; logged: boolean } | null = null;
  let turn = Promise.resolve();
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function look(asked: boolean): Promise<void> {
    const contents = await readContents(files);
    if (stopped) return;
    if (areEqual(contents, used)) {
      refused = null;
      if (behind.size > 0) renewFollowers();
      else if (asked) log.info({ expires: leaf.expires }, "the TLS files are unchanged");
      return;
    }
    const problem = problemOf(files, contents) ?? validityProblemOf(contents);
    if (problem === null) adopt(contents);
    else refuse(contents, problem, asked);
  }

  function adopt(contents: Contents): void {
    used = contents;
    refused = null;
    options = optionsOf(files, contents);
    leaf = leafOf(options);
    for (const renew of followers) behind.add(renew);
    renewFollowers();
  }

  function renewFollowers(): void {
    for (const renew of behind) {
      try {
        renew(options);
        behind.delete(renew);
      } catch (error) {
        log.error({ error }, "a server could not take the renewed TLS files: the next look tries again");
      }
    }
    if (behind.size === 0) log.info({ expires: leaf.expires }, "the TLS files were renewed: new connections use them");
  }

  /** A renewal replaces one file after the other, so a problem counts only if the next check finds the same one. */
  function refuse(contents: Contents, problem: string, asked: boolean): void {
    const isKnown = refused !== null && refused.problem === problem && areEqual(refused.contents, contents);
    if (!isKnown) refused = { contents, problem, logged: false };
    if (refused!.logged || !(isKnown || asked)) return;
    refused!.logged = true;
    log.error({ problem, expires: leaf.expires }, "the TLS files were not renewed: the certificate in use stays");
  }

  /** Refuses to replace a valid certificate with one that clients would reject. */
  function validityProblemOf(contents: Contents): string | null {
    const next = leafOf(optionsOf(files, contents));
    const now = clock();
    if (next.to <= now && leaf.to > now)
      return `LATCHKEY_TLS_CERT names a certificate that expired on ${next.expires}: renew it.`;
    if (next.from > now) return `LATCHKEY_TLS_CERT names a certificate that is valid from ${iso(next.from)} on: set the clock.`;
    return null;
  }

  function inTurn(asked: boolean): Promise<void> {
    turn = turn
      .then(() => look(asked))
      .catch((error: unknown) => log.error({ error }, "a look at the TLS files failed: the certificate in use stays"));
    return turn;
  }

  function lookLater(): void {
    if (!stopped) timer = setTimeout(() => void inTurn(false).then(lookLater), everyMs).unref();
  }

  lookLater();
  return {
    options: () => options,
    validity: () => ({ leftMs: leaf.to - clock(), wholeMs: leaf.to - leaf.from }),
    follow(renew) {
      followers.add(renew);
      renew(options);
    },
    reload: () => inTurn(true),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function readContents({ certFile, keyFile, clientCaFile }: TlsFiles): Promise<Contents> {
  const paths = [certFile, keyFile, ...(clientCaFile === null ? [] : [clientCaFile])];
  const read = (path: string) => readFile(path, "utf8").catch((error: Error) => error);
  return new Map(await Promise.all(paths.map(async (path) => [path, await read(path)] as const)));
}

function areEqual(some: Contents, others: Contents): boolean {
  return [...some].every(([path, text]) => String(text) === String(others.get(path)));
}

/** Returns why these contents can't be used, in the words of a failed start, or null if they can. */
function problemOf(files: TlsFiles, contents: Contents): string | null {
  const [problem] = checkTlsFiles(files, { readText: (path) => textOf(contents, path) });
  if (problem !== undefined) return problem.text;
  try {
    createSecureContext(optionsOf(files, contents));
    return null;
  } catch (error) {
    return `The files of LATCHKEY_TLS=files can't be used (${(error as Error).message}).`;
  }
}

function textOf(contents: Contents, path: string): string {
  const text = contents.get(path)!;
  if (text instanceof Error) throw text;
  return text;
}

function optionsOf({ certFile, keyFile, clientCaFile }: TlsFiles, contents: Contents): TlsOptions {
  return toTlsOptions({
    cert: textOf(contents, certFile),
    key: textOf(contents, keyFile),
    clientCa: clientCaFile === null ? null : textOf(contents, clientCaFile),
  });
}

function leafOf({ cert }: TlsOptions) {
  const { validFrom, validTo } = new X509Certificate(cert as string);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  return { from, to, expires: iso(to) };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
