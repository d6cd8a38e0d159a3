import { Metadata } from "@grpc/grpc-js";
import type { GrpcClient } from "../../src/client/grpc.js";
import { errorDetails } from "../../src/client/grpc.js";
import type { Ledger, User } from "./ledger.js";
import type { Random } from "./random.js";
import type { Snapshot } from "./snapshot.js";

/** One call of one user, and what its answer, its refusal or the lack of either means. */
export interface Call {
  readonly what: string;
  readonly user: User;
  /** Calls, and notes what the answer says. Throws what the client throws. */
  attempt(grpc: GrpcClient): Promise<void>;
  /** Notes a refusal. Without it a refusal is a violation. */
  refused?(reason: string): void;
  /** The answer was lost: notes what may have happened. */
  lost?(): void;
  /** Asks again after the crash, and throws when the answer does not fit what the database held. */
  settle?(after: Aftermath): Promise<void>;
}

export interface Aftermath {
  readonly grpc: GrpcClient;
  /** What the dead server left. */
  readonly snapshot: Snapshot;
}

/** What the workers share. */
export interface Load {
  readonly ledger: Ledger;
  readonly random: Random;
  grpc: GrpcClient;
  /** False as soon as calls may be lost. */
  running: boolean;
  /** True while callers begin no calls; those under way must be answered all the same. */
  resting: boolean;
  /** How long a caller waits between two calls at most. */
  thinkMsMax: number;
  readonly lost: Call[];
  answered: number;
}

export function createLoad({ ledger, random }: Pick<Load, "ledger" | "random">): Load {
  return { ledger, random, grpc: undefined as never, running: false, resting: false, thinkMsMax: 0, lost: [], answered: 0 };
}

/** Makes a call; a user whose answer was lost stays busy until the call is settled. */
export async function perform(load: Load, call: Call): Promise<void> {
  call.user.busy = true;
  try {
    await call.attempt(load.grpc);
  } catch (error) {
    const { violations } = load.ledger;
    const { reason } = errorDetails(error);
    if (isUnanswered(error)) {
      if (load.running) violations.push(`${call.what} of ${call.user.email} got no answer from a live server: ${error}`);
      call.lost?.();
      load.lost.push(call);
      return;
    }
    if (reason !== null && call.refused !== undefined) call.refused(reason);
    else violations.push(`${call.what} of ${call.user.email} failed: ${reason ?? error}`);
  }
  load.answered += 1;
  call.user.busy = false;
}

/** Whether the network failed, and not the server's answer: that one names a reason. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Error && "metadata" in error && errorDetails(error).reason === null;
}

/** Settles all calls whose answers were lost. */
export async function settleLost(load: Load, after: Aftermath): Promise<number> {
  const calls = load.lost.splice(0);
  for (const call of calls) {
    try {
      await call.settle?.(after);
    } catch (error) {
      const why = errorDetails(error).reason ?? String(error);
      load.ledger.violations.push(`${call.what} of ${call.user.email}, repeated after the crash: ${why}`);
    }
    call.user.busy = false;
  }
  return calls.length;
}

/** The reason of a call's refusal; null when it succeeds. Throws when there is no answer. */
export async function refusalOf(call: Promise<unknown>): Promise<string | null> {
  try {
    await call;
    return null;
  } catch (error) {
    const { reason } = errorDetails(error);
    if (reason === null) throw error;
    return reason;
  }
}

export function bearer(accessToken: string): { readonly metadata: Metadata } {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${accessToken}`);
  return { metadata };
}

let keys = 0;

/** An idempotency key that no other call has. */
export function newIdempotencyKey(): string {
  keys += 1;
  return `kill-${process.pid}-${String(keys).padStart(10, "0")}`;
}
