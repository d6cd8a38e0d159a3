import type { ImportedUser, ImportOutcome } from "../../../accounts/import-users.js";
import type { MemberKey } from "../../../model/user.js";
import type { InApp } from "../with-accounts.js";

/** Returns the users whose contacts belong to a member with another id than the source gives. */
export async function findStrangers(
  { deps, app: { poolId, appId } }: InApp,
  users: readonly ImportedUser[],
  outcomes: readonly ImportOutcome[],
): Promise<ReadonlySet<ImportedUser>> {
  const found = new Set<ImportedUser>();
  for (const [index, user] of users.entries()) {
    const outcome = outcomes[index]!;
    const key = keyOf(user);
    if (outcome.kind !== "already_member" || key === null) continue;
    const holder = await deps.store.users.find({ poolId, appId, key });
    if (holder?.user.userId !== outcome.userId) found.add(user);
  }
  return found;
}

function keyOf({ userId, number, externalId }: ImportedUser): MemberKey | null {
  if (userId !== undefined) return { kind: "user_id", value: userId.toLowerCase() };
  if (number !== undefined) return { kind: "number", value: number };
  return externalId === undefined ? null : { kind: "external_id", value: externalId };
}
