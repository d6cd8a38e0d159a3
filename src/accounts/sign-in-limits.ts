import { identifiersOf } from "../auth/account-keys.js";
import { guessCharges, sendGuard } from "../auth/budgets.js";
import type { App } from "../model/app.js";
import { channelOf } from "../model/channel.js";
import { type Identifier, isContact } from "../model/identifier.js";
import type { EpochMs } from "../model/time.js";
import type { MemberKey, User } from "../model/user.js";
import type { BudgetCharge, Limited } from "../store/port/budgets.js";
import type { AccountsDeps } from "./deps.js";
import { type Obstacle, type ObstacleKind, obstacle } from "./obstacles.js";

/** Returns the lockout and the budgets that refuse the user now. `requesterKey` null: only those that count all requesters. */
export async function limitObstacles(
  deps: AccountsDeps,
  app: App,
  given: { readonly user: User; readonly key: MemberKey; readonly requesterKey: Uint8Array | null },
): Promise<readonly Obstacle[]> {
  const { user, key, requesterKey } = given;
  const { policy } = app;
  const obstacles: Obstacle[] = [];
  const now = deps.clock();

  function add(kind: ObstacleKind, limited: { readonly retryAt: EpochMs } | null, identifier: Identifier | null): void {
    if (limited === null) return;
    const contact = identifier !== null && isContact(identifier) ? identifier : null;
    obstacles.push(obstacle(kind, { until: limited.retryAt, contact }));
  }
  const findLimit = (charges: readonly BudgetCharge[]) => deps.store.challenges.findLimit({ charges, now });

  const account = Buffer.from(user.userId);
  const lockedUntil =
    policy.lockout.failuresMax === 0
      ? null
      : await deps.store.challenges.findLockout({ key: deps.lookup.lockout(app.appId, account), now });
  if (lockedUntil !== null) obstacles.push(obstacle("locked_out", { until: lockedUntil }));

  // No sign-in names a user by number. Such a key stands for all identifiers of the user.
  const named = identifiersOf(user).filter(({ kind, value }) => kind === key.kind && value === key.value);
  const identifiers = named.length > 0 && key.kind !== "user_id" ? named : identifiersOf(user);
  for (const identifier of identifiers) {
    const identifierKey = deps.lookup.identifier(app.poolId, identifier);
    const budgetKey = deps.lookup.budget(app.poolId, identifier);
    const of = { identifierKey, budgetKey, contactUserId: user.userId };
    const guesses = guessCharges(policy, of, { requesterKey: requesterKey ?? identifierKey, contactKey: null });
    const guessed = requesterKey === null ? [guesses.identifier] : [guesses.requester, guesses.identifier];
    add("too_many_guesses", await findLimit(guessed), identifier);
    add("too_many_sends", await findSendLimit(deps, app, { identifier, identifierKey, budgetKey, requesterKey }), identifier);
  }
  const { userRequester, user: ofUser } = guessCharges(
    policy,
    { identifierKey: account, budgetKey: account, contactUserId: user.userId },
    { requesterKey: requesterKey ?? account, contactKey: null },
  );
  add("too_many_guesses", await findLimit(requesterKey === null ? [ofUser] : [userRequester, ofUser]), null);
  return obstacles;
}

/** Asks what SendOtp would: the budgets of sends, and how many codes are live. */
async function findSendLimit(
  deps: AccountsDeps,
  { policy }: App,
  given: {
    readonly identifier: Identifier;
    readonly identifierKey: Uint8Array;
    readonly budgetKey: Uint8Array;
    readonly requesterKey: Uint8Array | null;
  },
): Promise<Limited | null> {
  const { identifier, identifierKey, budgetKey, requesterKey } = given;
  const channel = isContact(identifier) ? channelOf[identifier.kind] : "email";
  // No requester has the key of an identifier, so the limits of one requester are not reached then.
  const guard = sendGuard(policy, {
    identifierKey,
    budgetKey,
    requesterKey: requesterKey ?? identifierKey,
    channel,
    purpose: "login",
  });
  const outcome = await deps.store.challenges.prepareSend({
    idempotency: null,
    recipientOf: null,
    guards: [guard],
    now: deps.clock(),
  });
  return outcome.kind === "limited" ? outcome : null;
}
