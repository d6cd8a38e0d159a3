import type { Challenge } from "../model/challenge.js";
import { contactFailuresMax } from "../model/user.js";
import type { Redemption } from "../store/port/redemption.js";
import { guessesKey } from "./budgets.js";
import type { Deps } from "./deps.js";

/** After a sign-in, enables the user's other verified contacts that too many wrong codes have disabled. */
export async function restoreOtherContacts(deps: Deps, { contact, poolId }: Challenge, redemption: Redemption): Promise<void> {
  if (redemption.kind !== "signed_in") return;
  const keys = redemption.user.contacts
    .filter(({ kind, value, verifiedAt }) => verifiedAt !== null && (kind !== contact?.kind || value !== contact.value))
    .map(({ kind, value }) => guessesKey(deps.lookup.identifier(poolId, { kind, value })));
  if (keys.length === 0) return;
  const counts = await deps.store.budgets.countFailures({ keys, now: deps.clock() });
  const disabled = keys.filter((_, index) => counts[index]! >= contactFailuresMax);
  if (disabled.length > 0) await deps.store.budgets.forgive({ spent: [], failures: disabled, lockouts: [] });
}
