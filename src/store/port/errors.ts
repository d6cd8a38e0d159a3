/** Thrown by every operation while the database can't be reached, is full or is read-only. */
export class StoreUnavailableError extends Error {
  override readonly name: string = "StoreUnavailableError";
}

/** Thrown when an operation waits too long for other operations while the database itself works. Nothing was written. */
export class StoreBusyError extends StoreUnavailableError {
  override readonly name = "StoreBusyError";
}

/** Thrown by every write while the data is being moved to another database, and by every operation after that. */
export class StoreMovedError extends StoreUnavailableError {
  readonly state: "moving" | "moved";

  /** @param target A name of the other database for an operator, without secrets. */
  constructor(state: "moving" | "moved", target: string) {
    super(
      state === "moving"
        ? `this database is being moved to PostgreSQL (${target}): finish the move with \`latchkey migrate --to\`, or cancel it with ` +
            "`latchkey migrate --abort`"
        : `this database was moved to PostgreSQL (${target}): set LATCHKEY_DATABASE_URL to that database`,
    );
    this.state = state;
  }
}
