import type { Challenges } from "./challenges.js";
import type { Keys } from "./keys.js";
import type { Outbox } from "./outbox.js";
import type { Sessions } from "./sessions.js";
import type { Upkeep } from "./upkeep.js";
import type { Users } from "./users.js";

/**
 * The store port: everything that Latchkey remembers.
 *
 * Words: a *challenge* is one request to prove possession of a contact; a *send* one attempt to deliver its code; a *decoy* a
 * challenge nobody can redeem; a *session* what a redeemed login buys, with one *family* of refresh tokens counted by
 * *generation*; a *budget* an allowance counted in sliding windows; the *outbox* the codes still to be sent.
 *
 * Rules that hold for every operation and both engines:
 * - It is one atomic step. When the promise resolves it happened whole, and it survives the end of this process; or it did not happen.
 * - What ends or gives something is also flushed to the disk, and to a synchronous standby, when the promise resolves: it survives
 *   loss of power. What only counts or queues is flushed with the next such operation, within a second at most: `challenges.issue`,
 *   `challenges.resend`, `challenges.takeAttempt`, `outbox.claim`, `outbox.settle` and `upkeep.sweep`. Loss of power, or the crash of a PostgreSQL
 *   server, can undo the latest of these, as if they had never happened. Nothing is lost that a flushed operation came after.
 * - Expected results are returned as outcomes, never thrown: throwing would undo the write that the outcome reports.
 * - It throws `StoreUnavailableError` when the database does not answer, and then nothing was written, or, if the connection was
 *   lost on the way, nobody knows; idempotency keys are for that.
 * - Any number of processes may call at once. Where racers compete for one thing the operation says who wins.
 * - Time comes in as `now`. An engine looks at a clock of its own only to notice a wrong one. Times are milliseconds since 1970,
 *   durations milliseconds.
 */
export interface Store {
  readonly challenges: Challenges;
  readonly sessions: Sessions;
  readonly users: Users;
  readonly outbox: Outbox;
  readonly keys: Keys;
  readonly upkeep: Upkeep;

  /** Waits for what was begun, and closes. */
  close(): Promise<void>;
}
