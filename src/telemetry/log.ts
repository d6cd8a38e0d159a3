import { type Level, pino } from "pino";
import { escapeControls } from "../lib/escape.js";
import type { Log } from "../lib/log.js";

type LogLevel = Extract<Level, keyof Log>;
type Fields = Readonly<Record<string, unknown>>;

const order: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/**
 * Creates a log on standard output: one line of JSON for each event, or with `pretty` a short line for people. No field and no
 * message can start a new line or control a terminal. Errors are logged as name, message and cause, at debug level with their
 * stack. `write` gets the finished lines instead of standard output.
 */
export function createLog(
  level: LogLevel,
  options: { readonly pretty: boolean; readonly write?: (line: string) => void },
): Log {
  const withStack = level === "debug";
  return options.pretty ? prettyLog(level, withStack, options.write) : jsonLog(level, withStack, options.write);
}

function jsonLog(level: LogLevel, withStack: boolean, write: ((line: string) => void) | undefined): Log {
  const destination = { write: write ?? writeTogether(withoutTerminal(pino.destination({ fd: 1, sync: true }))) };
  const logger = pino(
    { level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => void destination.write(escapeJson(line)) },
  );
  return logAt((at, fields, message) => {
    if (order.indexOf(at) >= order.indexOf(level)) logger[at](plain(fields, withStack), message);
  });
}

/** Writes the lines of one turn of the event loop together, because a busy server logs several lines for each call. */
function writeTogether(destination: { write(text: string): unknown }): (line: string) => void {
  let pending = "";
  const flush = (): void => {
    const text = pending;
    pending = "";
    if (text !== "") destination.write(text);
  };
  process.once("exit", flush);
  return (line) => {
    if (pending === "") setImmediate(flush);
    pending += line;
  };
}

/** Drops lines for a closed terminal, so that they do not prevent an orderly stop. */
function withoutTerminal<S extends Pick<NodeJS.EventEmitter, "on">>(stream: S): S {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EIO") throw error;
  });
  return stream;
}

function toStdout(): (line: string) => void {
  const stdout = withoutTerminal(process.stdout);
  return (line) => void stdout.write(line);
}

function prettyLog(level: LogLevel, withStack: boolean, write = toStdout()): Log {
  return logAt((at, fields, message) => {
    if (order.indexOf(at) < order.indexOf(level)) return;
    const time = new Date().toISOString().slice(11, 23);
    const pairs = Object.entries(plain(fields, withStack))
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => ` ${escapeControls(key)}=${prettyValue(value)}`);
    write(`${time} ${at.padEnd(5)} ${escapeControls(message)}${pairs.join("")}\n`);
  });
}

function logAt(emit: (at: LogLevel, fields: Fields, message: string) => void): Log {
  return {
    debug: (fields, message) => emit("debug", fields, message),
    info: (fields, message) => emit("info", fields, message),
    warn: (fields, message) => emit("warn", fields, message),
    error: (fields, message) => emit("error", fields, message),
  };
}

function plain(fields: Fields, withStack: boolean): Fields {
  if (!Object.values(fields).some((value) => value instanceof Error)) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? plainError(value, withStack) : value]),
  );
}

function plainError(error: Error, withStack: boolean, depth = 0): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  return {
    name,
    message,
    ...(withStack ? { stack } : {}),
    // A chain of causes may be circular.
    ...(cause instanceof Error && depth < 4 ? { cause: plainError(cause, withStack, depth + 1) } : {}),
  };
}

/** Quoted unless it is one word, so that a value can't contain a forged `key=value`. */
function prettyValue(value: unknown): string {
  if (typeof value === "string" && /^[\w.:/@+-]+$/.test(value)) return value;
  return escapeControls(stringify(value));
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return JSON.stringify(String(value));
  }
}

/** Escapes what JSON leaves as it is and terminals or editors interpret. JSON itself escapes line breaks and C0 controls. */
function escapeJson(line: string): string {
  return line.replace(/[\u007f-\u009f\u2028\u2029\p{Cf}]/gu, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
