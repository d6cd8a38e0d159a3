import pg from "pg";
import { StoreUnavailableError } from "../port/errors.js";

/** The operation conflicted with others and nothing was written: serialization_failure and deadlock_detected. */
const conflicts = new Set(["40001", "40P01"]);

/**
 * SQLSTATE codes of a server that can't work at the moment: connections (08), resources (53), operator intervention (57),
 * system errors (58), rollback (40), read-only (25006), lock timeout (55P03), wrong credentials (28) and missing database (3D).
 */
const unavailable = /^(?:08|53|57|58|40|28|3D)|^(?:25006|55P03)$/;

export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && conflicts.has(error.code ?? "");
}

export function isDiskFull(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "53100";
}

/** Returns whether the server refused to write because it is a standby or set to read-only. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "25006";
}

/** Returns whether the server does not know the user or rejects the password. PgBouncer has one code (08P01) for many errors. */
export function isWrongLogin(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false;
  return /^28(?:000|P01)$/.test(error.code ?? "") || / authentication failed/.test(error.message);
}

/** Returns whether the server answered, so that the connection can be used again. A read-only server is the wrong one. */
export function isAnswer(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !/^(?:08|57P|25006)/.test(error.code ?? "");
}

/** Turns errors of the database itself into the port's errors. Returns any other error unchanged, because it is a bug. */
export function translated(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreUnavailableError) return error;
  if (!(error instanceof pg.DatabaseError)) return isOfConnection(error) ? unavailableError(error) : error;
  return unavailable.test(error.code ?? "") ? unavailableError(error) : error;
}

/**
 * Returns whether an operation failed by an answer of the server, such as that it is read-only. A wait for a lock that is too long is none:
 * an earlier operation may hold it, whose commit is not answered.
 */
export function isAnswered(error: unknown): boolean {
  if (!(error instanceof StoreUnavailableError)) return false;
  const { cause } = error;
  // Latchkey's own refusals, which follow an answer, have no cause.
  if (cause === undefined) return true;
  return cause instanceof pg.DatabaseError && cause.code !== "55P03" && (isAnswer(cause) || isReadOnly(cause));
}

/**
 * Returns whether a connection broke during a query. The error comes from the system, or from the driver, which has no codes
 * for it.
 */
export function isOfConnection(error: Error): boolean {
  return "syscall" in error || /^Connection terminated|^Query read timeout|not queryable$/.test(error.message);
}

export function unavailableError(error: unknown): StoreUnavailableError {
  return new StoreUnavailableError(`PostgreSQL: ${messageOf(error)}`, { cause: error });
}

/** Several servers, or one server at several addresses, fail with one error each. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError) return [...new Set(error.errors.map(messageOf))].join("; ");
  return "code" in error ? `${error.message} (${error.code})` : error.message;
}
