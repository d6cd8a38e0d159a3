import type { History, Violation } from "./history.js";
import { attemptCap } from "./invariants/attempt-cap.js";
import { budgets } from "./invariants/budgets.js";
import { erasedLast } from "./invariants/erased-last.js";
import { foreseen } from "./invariants/foreseen.js";
import { lockedOut } from "./invariants/locked-out.js";
import { oneActivation } from "./invariants/one-activation.js";
import { oneChange } from "./invariants/one-change.js";
import { oneClaimant } from "./invariants/one-claimant.js";
import { oneHolder } from "./invariants/one-holder.js";
import { oneOrder } from "./invariants/one-order.js";
import { oneSuccessor } from "./invariants/one-successor.js";
import { revocationFinal } from "./invariants/revocation-final.js";
import { singleUse } from "./invariants/single-use.js";

/** What must hold in every history, by name. Each says beside its code what it claims and why it never blames a right server. */
export const invariants = {
  "single-use": singleUse,
  "attempt-cap": attemptCap,
  "one-successor": oneSuccessor,
  "revocation-final": revocationFinal,
  budgets,
  "one-order": oneOrder,
  foreseen,
  "locked-out": lockedOut,
  "one-holder": oneHolder,
  "one-change": oneChange,
  "erased-last": erasedLast,
  "one-activation": oneActivation,
  "one-claimant": oneClaimant,
} satisfies Record<string, (history: History, onGivenUp: () => void) => Violation[]>;

export type Invariant = keyof typeof invariants;

export const invariantNames = Object.keys(invariants) as Invariant[];

export function isInvariant(name: string): name is Invariant {
  return name in invariants;
}

/**
 * What a history contradicts of the named invariants. Empty: there are orders of its calls in which every answer was right, or a
 * search for one gave up, of which `onGivenUp` is told.
 */
export function check(history: History, names: readonly Invariant[], onGivenUp: () => void): Violation[] {
  return names.flatMap((name) => invariants[name](history, onGivenUp));
}
