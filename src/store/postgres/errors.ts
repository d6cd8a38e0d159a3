import pg from "pg";
import { StoreUnavailableError } from "../port/errors.js";

/** Racers were in each other's way and nothing was written: serialization_failure and deadlock_detected. */
const conflicts = new Set(["40001", "40P01"]);

/**
 * What a server answers with that can't work just now, by SQLSTATE: connections (08), resources (53), an operator (57), the system
 * (58), rolled back (40), read-only (25006), a lock not had in time (55P03), credentials (28) and a database that is not there (3D).
 */
const unavailable = /^(?:08|53|57|58|40|28|3D)|^(?:25006|55P03)$/;

export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && conflicts.has(error.code ?? "");
}

export function isDiskFull(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "53100";
}

/** Whether the server refused to write: a standby does, and one that is set to be read-only. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "25006";
}

/** Whether the server does not know the user, or not by this password. */
export function isWrongLogin(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^28(?:000|P01)$/.test(error.code ?? "");
}

/** Whether the server answered, so the connection can be used again. A read-only server is the wrong one. */
export function isAnswer(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !/^(?:08|57P|25006)/.test(error.code ?? "");
}

/** Errors of the database itself become the port's; anything else is a fault of ours and stays what it is. */
export function translated(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StoreUnavailableError) return error;
  if (!(error instanceof pg.DatabaseError)) return isOfConnection(error) ? unavailableError(error) : error;
  return unavailable.test(error.code ?? "") ? unavailableError(error) : error;
}

/** What is said when a connection breaks under a query: by the system, or by the driver, which has no codes of its own. */
export function isOfConnection(error: Error): boolean {
  return "syscall" in error || /^Connection terminated|^Query read timeout|not queryable$/.test(error.message);
}

export function unavailableError(error: unknown): StoreUnavailableError {
  return new StoreUnavailableError(`PostgreSQL: ${messageOf(error)}`, { cause: error });
}

/** Several servers, or one at several addresses, fail with an error each. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError) return [...new Set(error.errors.map(messageOf))].join("; ");
  return "code" in error ? `${error.message} (${error.code})` : error.message;
}
