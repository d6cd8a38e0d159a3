import { identifiersOf } from "../auth/account-keys.js";
import { guessCharges, sendCharges } from "../auth/budgets.js";
import type { App } from "../model/app.js";
import { channelOf } from "../model/channel.js";
import { type Identifier, isContact } from "../model/identifier.js";
import type { MemberKey, User } from "../model/user.js";
import type { BudgetCharge } from "../store/port/budgets.js";
import type { AccountsDeps } from "./deps.js";
import { type Obstacle, type ObstacleKind, obstacle } from "./obstacles.js";

/** Returns the lockout and the budgets that refuse the user now. Null as `requesterKey`: those that count all requesters. */
export async function limitObstacles(
  deps: AccountsDeps,
  app: App,
  given: { readonly user: User; readonly key: MemberKey; readonly requesterKey: Uint8Array | null },
): Promise<readonly Obstacle[]> {
  const { user, key, requesterKey } = given;
  const { policy } = app;
  const obstacles: Obstacle[] = [];
  const now = deps.clock();

  async function look(kind: ObstacleKind, charges: readonly BudgetCharge[], identifier: Identifier | null): Promise<void> {
    const limited = await deps.store.challenges.findLimit({ charges, now });
    if (limited === null) return;
    const contact = identifier !== null && isContact(identifier) ? identifier : null;
    obstacles.push(obstacle(kind, { until: limited.retryAt, contact }));
  }

  const account = Buffer.from(user.userId);
  const lockedUntil =
    policy.lockout.failuresMax === 0
      ? null
      : await deps.store.challenges.findLockout({ key: deps.lookup.lockout(app.appId, account), now });
  if (lockedUntil !== null) obstacles.push(obstacle("locked_out", { until: lockedUntil }));

  // A key that names no one at a sign-in, such as the number, stands for everything that does.
  const named = identifiersOf(user).filter(({ kind, value }) => kind === key.kind && value === key.value);
  const identifiers = named.length > 0 && key.kind !== "user_id" ? named : identifiersOf(user);
  for (const identifier of identifiers) {
    const identifierKey = deps.lookup.identifier(app.poolId, identifier);
    const of = { identifierKey, contactUserId: user.userId };
    const guesses = guessCharges(policy, of, { requesterKey: requesterKey ?? identifierKey, contactKey: null });
    await look(
      "too_many_guesses",
      requesterKey === null ? [guesses.identifier] : [guesses.requester, guesses.identifier],
      identifier,
    );
    const channel = isContact(identifier) ? channelOf[identifier.kind] : "email";
    const [ofRequester, ...total] = sendCharges(policy, {
      identifierKey,
      requesterKey: requesterKey ?? identifierKey,
      channel,
    });
    await look("too_many_sends", requesterKey === null ? total : [ofRequester!, ...total], identifier);
  }
  const { userRequester, user: ofUser } = guessCharges(
    policy,
    { identifierKey: account, contactUserId: user.userId },
    { requesterKey: requesterKey ?? account, contactKey: null },
  );
  await look("too_many_guesses", requesterKey === null ? [ofUser] : [userRequester, ofUser], null);
  return obstacles;
}
