import fc from "fast-check";
import { check, type Invariant } from "./check.js";
import type { History, Violation } from "./history.js";
import { type Plan, plansOf } from "./plan.js";

/** A plan whose history contradicts an invariant. */
export interface Finding {
  readonly plan: Plan;
  readonly history: History;
  readonly violations: readonly Violation[];
}

export interface SearchOptions {
  readonly seed: number;
  readonly processes: number;
  /** Those that are asked about. */
  readonly invariants: readonly Invariant[];
  /** How often the plan is run, as races don't always end alike. */
  readonly tries: number;
  /** Whether smaller plans are looked for. */
  readonly shrinks: boolean;
  readonly run: (plan: Plan) => Promise<History>;
  /** Told of each search for an order that gave up and took a history for right. */
  readonly onGivenUp: () => void;
}

/** A smaller plan has to fail again to be believed, and races don't always: it is tried so often. */
const triesWhileShrinking = 3;
/** How long smaller plans are tried. */
const shrinkMs = 12_000;

/**
 * Runs the history of a seed. When it contradicts an invariant: the smallest plan found that does so too, unless that is not wanted. Null: it is right. Throws when
 * it could not be run.
 */
export async function search({
  seed,
  processes,
  invariants,
  tries,
  shrinks,
  run,
  onGivenUp,
}: SearchOptions): Promise<Finding | null> {
  let smallest: Finding | null = null;
  const holds = async (plan: Plan): Promise<boolean> => {
    for (let left = smallest === null ? tries : triesWhileShrinking; left > 0; left -= 1) {
      const history = await run(plan);
      const violations = check(history, invariants, onGivenUp);
      if (violations.length === 0) continue;
      smallest = { plan, history, violations };
      return false;
    }
    return true;
  };
  const property = fc.asyncProperty(fc.noBias(plansOf(seed, processes)), holds);
  const once = { seed: scattered(seed), numRuns: 1, endOnFailure: !shrinks, skipAllAfterTimeLimit: shrinkMs };
  const details = await fc.check(property, once);
  // A history that could not be carried out to its end says nothing about the servers.
  if (details.failed && smallest === null) throw details.errorInstance;
  if (!details.failed && details.numRuns < 1) throw new Error(`the history of seed ${seed} was not run`);
  return smallest;
}

/** Neighbouring seeds give generators that resemble one another; these do not. */
function scattered(seed: number): number {
  let mixed = (seed ^ 0x9e3779b9) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
