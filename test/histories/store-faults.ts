import type { BudgetCharge } from "../../src/store/port/budgets.js";
import type { RedeemOutcome } from "../../src/store/port/redemption.js";
import type { LiveSession } from "../../src/store/port/sessions.js";
import type { Store } from "../../src/store/port/store.js";
import type { Invariant } from "./check.js";
import { peopleFaults } from "./people-faults.js";

/** Makes a store that breaks a promise of the port out of one that keeps it. */
export type StoreFault = (store: Store) => Store;

/** A fault for each invariant that breaks it, and holds for both engines. */
export const storeFaults: Readonly<Record<Invariant, StoreFault>> = {
  /** A racer that comes too late is given what the winner bought. */
  "single-use": ({ challenges, ...store }) => {
    const bought = new Map<string, RedeemOutcome>();
    return {
      ...store,
      challenges: {
        ...challenges,
        async redeem(change) {
          const outcome = await challenges.redeem(change);
          if (outcome.kind === "refused") return bought.get(change.challengeId) ?? outcome;
          bought.set(change.challengeId, outcome);
          return outcome;
        },
      },
    };
  },

  /** The last attempt can be taken again and again. */
  "attempt-cap": ({ challenges, ...store }) => ({
    ...store,
    challenges: {
      ...challenges,
      async find(challengeId) {
        const found = await challenges.find(challengeId);
        return found === null ? null : { ...found, attempts: 0 };
      },
      async takeAttempt(change) {
        const outcome = await challenges.takeAttempt(change);
        const isExhausted = outcome.kind === "refused" && outcome.why === "attempts_exhausted";
        return isExhausted ? { kind: "taken", userBudgetSpent: false, lockedUntil: null, failures: 0 } : outcome;
      },
    },
  }),

  /** A token that was exchanged before buys a second successor instead of the same one again. */
  "one-successor": ({ sessions, ...store }) => ({
    ...store,
    sessions: {
      ...sessions,
      async rotate(change) {
        const outcome = await sessions.rotate(change);
        if (outcome.kind !== "replayed") return outcome;
        return await sessions.rotate({ ...change, generation: outcome.session.generation });
      },
    },
  }),

  /** A process asks the database about a session once, and believes its first answer for good. */
  "revocation-final": ({ sessions, ...store }) => {
    const remembered = new Map<string, LiveSession>();
    return {
      ...store,
      sessions: {
        ...sessions,
        async findLive(query) {
          const live = remembered.get(query.sessionId) ?? (await sessions.findLive(query));
          if (live !== null) remembered.set(query.sessionId, live);
          return live;
        },
      },
    };
  },

  /** Only the look before a send or a guess is left, which locks nothing. */
  budgets: ({ challenges, ...store }) => ({
    ...store,
    challenges: {
      ...challenges,
      issue: (change) =>
        challenges.issue({
          ...change,
          challenges: change.challenges.map(({ challenge, guard }) => ({
            challenge,
            guard: { ...guard, charges: guard.charges.map(withoutLimit) },
          })),
        }),
      resend: (change) => challenges.resend({ ...change, charges: change.charges.map(withoutLimit) }),
      takeAttempt: ({ requester, identifier, ...change }) =>
        challenges.takeAttempt({ ...change, requester: withoutLimit(requester), identifier: withoutLimit(identifier) }),
    },
  }),

  /** An outcome that every caller may meet is thrown. */
  foreseen: ({ sessions, ...store }) => ({
    ...store,
    sessions: {
      ...sessions,
      async revokeOthers() {
        throw new Error("planted");
      },
    },
  }),

  /** Ends the caller's session as well. */
  "one-order": ({ sessions, ...store }) => ({
    ...store,
    sessions: {
      ...sessions,
      async revokeOthers(change) {
        const ended = await sessions.revokeOthers(change);
        const { keepSessionId: sessionId, ...of } = change;
        if (sessionId !== null) await sessions.revoke({ sessionId, ...of });
        return ended;
      },
    },
  }),

  ...peopleFaults,
};

function withoutLimit(charge: BudgetCharge): BudgetCharge {
  return { ...charge, limits: charge.limits.map((limit) => ({ ...limit, max: 1_000_000 })) };
}
