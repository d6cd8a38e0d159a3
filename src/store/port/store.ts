import type { Apps } from "./apps.js";
import type { Budgets } from "./budgets.js";
import type { Challenges } from "./challenges.js";
import type { Forwards } from "./forwards.js";
import type { Keys } from "./keys.js";
import type { Messages } from "./messages.js";
import type { NotMe } from "./not-me.js";
import type { Outbox } from "./outbox.js";
import type { Processes } from "./processes.js";
import type { Routes } from "./routes.js";
import type { Sessions } from "./sessions.js";
import type { Upkeep } from "./upkeep.js";
import type { Users } from "./users.js";

/**
 * The store port: everything that Latchkey stores, one interface for each aggregate.
 *
 * A *challenge* is one request to prove possession of a contact. A *send* is one delivery of its code. A *decoy* is a challenge
 * that cannot be redeemed. A *session* is the result of a redeemed login; its refresh tokens are one *family*, counted by
 * *generation*. A *budget* is an allowance counted in sliding windows. The *outbox* holds the codes waiting to be sent;
 * *messages* say what became of them; *forwards* are the changes of messages that apps have yet to hear of; *routes* are what was
 * learned from them about carriers; *processes* are those that serve the deployment.
 *
 * Rules for every operation of both engines:
 * - It is atomic. When the promise resolves, all of it happened and survives the end of this process; otherwise none of it
 *   happened.
 * - Operations that end or grant something are flushed to the disk, and to a synchronous standby, before the promise resolves.
 *   They survive a loss of power. The others only count or queue: `challenges.issue`, `challenges.resend`,
 *   `challenges.takeAttempt`, `budgets.spend`, `sessions.touch`, `outbox.claim`, `outbox.settle`, `upkeep.sweep` and all of
 *   `messages` and `forwards`. They reach the disk with the next flushed operation, within a second at most. A loss of power, or a crash of the PostgreSQL server, can
 *   undo those after the last flush, but none before it.
 * - Expected results are returned as outcomes. A thrown error would undo the write that the outcome reports.
 * - It throws `StoreUnavailableError` if the database does not answer. Normally nothing was written then. If the connection was
 *   lost during the operation, the outcome is unknown; idempotency keys make a repeat safe.
 * - Any number of processes may call at once. Where calls compete for one thing, the operation's comment says which of them
 *   wins.
 * - Time is passed in as `now`. Times are milliseconds since 1970; durations are milliseconds. An engine reads its own clock
 *   only to detect a wrong one.
 */
export interface Store {
  readonly challenges: Challenges;
  readonly sessions: Sessions;
  readonly notMe: NotMe;
  readonly users: Users;
  readonly outbox: Outbox;
  readonly messages: Messages;
  readonly forwards: Forwards;
  readonly routes: Routes;
  readonly apps: Apps;
  readonly budgets: Budgets;
  readonly keys: Keys;
  readonly processes: Processes;
  readonly upkeep: Upkeep;

  /** Waits for running operations, then closes. */
  close(): Promise<void>;
}
