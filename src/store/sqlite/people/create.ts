import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../../model/time.js";
import type { UserContact } from "../../../model/user.js";
import type { CreateOutcome, NewMember, TakenField } from "../../port/users.js";
import type { PeopleChanges } from "./changes.js";
import type { Lookups } from "./lookups.js";

interface App {
  readonly poolId: string;
  readonly appId: string;
  readonly now: EpochMs;
}

/** Creates or joins one person inside the caller's transaction. A refusal changes nothing. */
export function createMemberCreation(
  db: Database,
  { lookups, changes }: { readonly lookups: Lookups; readonly changes: PeopleChanges },
): (member: NewMember, app: App) => CreateOutcome {
  const poolOf = db.prepare<[string], string>("SELECT pool_id FROM users WHERE user_id = ?").pluck();
  const numbered = db.prepare<[number], number>("SELECT 1 FROM users WHERE number = ?").pluck();

  /**
   * Returns the id of the person that exists already, or null, or the field whose value belongs to another person. Proven contacts
   * decide, if there are any: a claim of another person must not turn their owner into that person.
   */
  function personOf(
    { user, contacts, membership }: NewMember,
    { poolId, appId }: App,
  ): { userId: string | null } | { taken: TakenField } {
    const pool = poolOf.get(user.userId);
    if (pool !== undefined && pool !== poolId) return { taken: "user_id" };
    let userId = pool === undefined ? null : user.userId;
    const [proven, claimed] = [true, false].map((isProven) =>
      contacts.filter(({ verifiedAt }) => (verifiedAt !== null) === isProven),
    ) as [UserContact[], UserContact[]];
    for (const contact of proven) {
      const owner = lookups.holder({ poolId, appId, contact, trustClaims: false })?.userId ?? null;
      if (owner !== null && userId !== null && owner !== userId) return { taken: contact.kind };
      userId ??= owner;
    }
    const tests = membership.credentialType === "test";
    for (const contact of claimed) {
      const owner =
        proven.length === 0
          ? lookups.ownerOf({ poolId, appId, contact, tests })
          : lookups.verifiedOwnerOf({ poolId, appId, contact });
      if (owner !== null && owner !== userId && (userId !== null || proven.length > 0)) return { taken: contact.kind };
      userId ??= owner;
    }
    return { userId };
  }

  function takenOfNew({ user: { username, number } }: NewMember, { poolId, appId }: App): TakenField | null {
    if (number !== null && numbered.get(number) !== undefined) return "number";
    if (username === null) return null;
    return lookups.named({ poolId, appId, key: { kind: "username", value: username } }) === null ? null : "username";
  }

  function takenInApp({ membership: { externalId } }: NewMember, { poolId, appId }: App): TakenField | null {
    if (externalId === null) return null;
    return lookups.named({ poolId, appId, key: { kind: "external_id", value: externalId } }) === null ? null : "external_id";
  }

  return (member, app) => {
    const { poolId, appId, now } = app;
    const person = personOf(member, app);
    if ("taken" in person) return { kind: "taken", field: person.taken };
    if (person.userId !== null && lookups.member(person.userId, appId) !== null) {
      return { kind: "already_member", userId: person.userId };
    }
    const taken = (person.userId === null ? takenOfNew(member, app) : null) ?? takenInApp(member, app);
    if (taken !== null) return { kind: "taken", field: taken };
    if (person.userId === null) {
      changes.add(member.user, { poolId, now });
      changes.give({ poolId, appId, userId: member.user.userId }, member.contacts, now);
    }
    const userId = person.userId ?? member.user.userId;
    changes.join({ appId, userId }, { membership: member.membership, now });
    return { kind: person.userId === null ? "created" : "joined", member: lookups.member(userId, appId)! };
  };
}
