/** Thrown by every operation while the database can't be reached, is full or is read-only. */
export class StoreUnavailableError extends Error {
  override readonly name: string = "StoreUnavailableError";
}

/** Thrown when an operation waits too long for others while the database itself works. Nothing was written. */
export class StoreBusyError extends StoreUnavailableError {
  override readonly name = "StoreBusyError";
}

/** Thrown by every write while all data moves to another database, and by every operation after that. */
export class StoreMovedError extends StoreUnavailableError {
  readonly state: "moving" | "moved";

  /** `target` names the other database for an operator, without a secret. */
  constructor(state: "moving" | "moved", target: string) {
    super(
      state === "moving"
        ? `this database is being moved to PostgreSQL (${target}): finish that with \`latchkey migrate --to\`, or give it up with ` +
            "`latchkey migrate --abort`"
        : `this database was moved to PostgreSQL (${target}): set LATCHKEY_DATABASE_URL to that one`,
    );
    this.state = state;
  }
}
