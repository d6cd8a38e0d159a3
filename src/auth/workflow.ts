import type { Caller } from "../model/caller.js";
import type { Channel } from "../model/channel.js";
import { stepsAfter } from "../model/workflow.js";
import type { BudgetCharge } from "../store/port/budgets.js";

/** A later message of a challenge, and how long after the first one it is due. */
export interface LaterStep {
  readonly channel: Channel;
  readonly delayMs: number;
}

const none: readonly LaterStep[] = [];

/**
 * Returns the later messages of a challenge whose first message goes over `channel`. Leaves out those over channels that the policy
 * does not allow now, and those for which the code does not live long enough.
 */
export function laterStepsOf({ app, policy }: Caller, channel: Channel, ttlMs: number): readonly LaterStep[] {
  const steps = stepsAfter(app.workflows, channel);
  if (steps.length === 0) return none;
  const later: LaterStep[] = [];
  let delayMs = 0;
  for (const step of steps) {
    delayMs += step.afterMs;
    if (policy.channels.includes(step.channel) && delayMs < ttlMs) later.push({ channel: step.channel, delayMs });
  }
  return later;
}

/**
 * Returns the charges of the first message of a challenge and of its later ones together. Charges of one key become one, with all
 * their units, in the place of the first.
 */
export function withLater(
  ofFirst: readonly BudgetCharge[],
  later: readonly LaterStep[],
  chargesOf: (channel: Channel) => readonly BudgetCharge[],
): readonly BudgetCharge[] {
  if (later.length === 0) return ofFirst;
  const byKey = new Map<string, BudgetCharge>();
  for (const charge of [...ofFirst, ...later.flatMap(({ channel }) => chargesOf(channel))]) {
    const key = Buffer.from(charge.key).toString("latin1");
    const before = byKey.get(key);
    byKey.set(key, before === undefined ? charge : { ...before, units: (before.units ?? 1) + 1 });
  }
  return [...byKey.values()];
}
