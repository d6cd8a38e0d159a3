import { mainPoolId } from "../../src/model/app.js";
import type { Contact } from "../../src/model/contact.js";
import type { RedeemOutcome } from "../../src/store/port/redemption.js";
import type { FoundUser } from "../../src/store/port/users.js";
import type { Invariant } from "./check.js";
import type { StoreFault } from "./store-faults.js";

type PeopleInvariant = Extract<
  Invariant,
  "locked-out" | "one-holder" | "one-change" | "erased-last" | "one-activation" | "one-claimant"
>;

/** Faults in what the store says of contacts and memberships, which hold for both engines. */
export const peopleFaults: Readonly<Record<PeopleInvariant, StoreFault>> = {
  /** A lock is answered and not made. */
  "locked-out": ({ users, ...store }) => ({
    ...store,
    users: {
      ...users,
      async setLock(change) {
        const { appId, userId, locked } = change;
        if (!locked) return await users.setLock(change);
        const found = await users.find({ poolId: mainPoolId, appId, key: { kind: "user_id", value: userId } });
        const { user, membership } = found ?? {};
        if (user === undefined || !membership) return { kind: "no_member" };
        return { kind: "changed", member: { user, membership: { ...membership, state: "locked" } } };
      },
    },
  }),

  /** A user is told to have the contact of another. */
  "one-holder": ({ challenges, users, ...store }) => ({
    ...store,
    users,
    challenges: {
      ...challenges,
      async redeem(change) {
        const outcome = await challenges.redeem(change);
        if (outcome.kind !== "redeemed" || outcome.redemption.kind !== "contact_taken") return outcome;
        const { userId, appId, contact } = (await challenges.find(change.challengeId))!;
        const found = await users.find({ poolId: mainPoolId, appId, key: { kind: "user_id", value: userId! } });
        if (found === null) return outcome;
        const contacts = [...found.user.contacts, { ...contact!, verifiedAt: change.now }];
        return { kind: "redeemed", redemption: { kind: "contact_changed", user: { ...found.user, contacts } } };
      },
    },
  }),

  /** A process makes the changes that it has made again. */
  "one-change": ({ challenges, ...store }) => {
    const made = new Map<string, RedeemOutcome>();
    return {
      ...store,
      challenges: {
        ...challenges,
        async find(challengeId) {
          const found = await challenges.find(challengeId);
          return found === null || !made.has(challengeId) ? found : { ...found, consumedAt: null };
        },
        async takeAttempt(change) {
          const outcome = await challenges.takeAttempt(change);
          if (outcome.kind !== "refused" || !made.has(change.challengeId)) return outcome;
          return { kind: "taken", userBudgetSpent: false, lockedUntil: null, failures: 0 };
        },
        async redeem(change) {
          const outcome = await challenges.redeem(change);
          if (outcome.kind === "refused") return made.get(change.challengeId) ?? outcome;
          if (outcome.kind === "redeemed" && outcome.redemption.kind === "contact_changed")
            made.set(change.challengeId, outcome);
          return outcome;
        },
      },
    };
  },

  /** Any membership is the last. */
  "erased-last": ({ users, ...store }) => ({
    ...store,
    users: {
      ...users,
      leave: async ({ userId, now }) => ((await users.erase({ userId, now })) ? "erased" : null),
    },
  }),

  /** An invited member is active without a redemption. */
  "one-activation": ({ users, ...store }) => ({
    ...store,
    users: {
      ...users,
      async create(change) {
        const isInvited = change.members.map(({ membership }) => membership.state === "invited");
        const members = change.members.map(({ membership, ...member }) => {
          return { ...member, membership: { ...membership, state: "active" as const } };
        });
        const outcomes = await users.create({ ...change, members });
        return outcomes.map((outcome, n) => {
          if (!isInvited[n] || (outcome.kind !== "created" && outcome.kind !== "joined")) return outcome;
          const { user, membership } = outcome.member;
          return { ...outcome, member: { user, membership: { ...membership, state: "invited" as const } } };
        });
      },
    },
  }),

  /** A process goes on to show a claim that it has taken, whatever was proven since. */
  "one-claimant": ({ users, ...store }) => {
    const claims = new Map<string, Contact[]>();
    const nameOf = (appId: string, userId: string) => `${appId} ${userId}`;
    const claim = (name: string, contact: Contact) => claims.set(name, [...(claims.get(name) ?? []), contact]);
    return {
      ...store,
      users: {
        ...users,
        async create(change) {
          const outcomes = await users.create(change);
          for (const outcome of outcomes) {
            if (outcome.kind !== "created" && outcome.kind !== "joined") continue;
            const { userId, contacts } = outcome.member.user;
            for (const one of contacts) if (one.verifiedAt === null) claim(nameOf(change.appId, userId), one);
          }
          return outcomes;
        },
        async addContact(change) {
          const outcome = await users.addContact(change);
          const { appId, userId, contact } = change;
          if (outcome.kind === "changed" && contact.verifiedAt === null) claim(nameOf(appId, userId), contact);
          return outcome;
        },
        async find(query) {
          const found = await users.find(query);
          return found === null ? null : withClaims(found, claims.get(nameOf(query.appId, found.user.userId)) ?? []);
        },
      },
    };
  },
};

function withClaims({ user, membership }: FoundUser, claims: readonly Contact[]): FoundUser {
  const lost = claims.filter(({ value }) => user.contacts.every((one) => one.value !== value));
  const contacts = [...user.contacts, ...lost.map(({ kind, value }) => ({ kind, value, verifiedAt: null }))];
  return { user: { ...user, contacts }, membership };
}
