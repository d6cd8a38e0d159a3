import type { App } from "../model/app.js";
import type { Identifier } from "../model/identifier.js";
import type { User } from "../model/user.js";
import type { Budgets } from "../store/port/budgets.js";
import { guessesKey, sendKeys, userGuessKey } from "./budgets.js";
import type { Deps } from "./deps.js";

/** Everything that names a person at a sign-in. */
export function identifiersOf({ userId, username, contacts }: User): readonly Identifier[] {
  return [
    { kind: "user_id", value: userId },
    ...(username === null ? [] : [{ kind: "username" as const, value: username }]),
    ...contacts.map(({ kind, value }) => ({ kind, value })),
  ];
}

/**
 * The keys of everything that counts against a person, whatever requester it came from. The budget of the guesses at a contact also
 * counts its failures.
 */
export function accountKeys(
  { lookup }: Pick<Deps, "lookup">,
  { appId, poolId }: App,
  user: User,
): Parameters<Budgets["forgive"]>[0] {
  const identifierKeys = identifiersOf(user).map((identifier) => lookup.identifier(poolId, identifier));
  const budgetKeys = identifiersOf(user).map((identifier) => lookup.budget(poolId, identifier));
  const account = Buffer.from(user.userId);
  return {
    spent: [userGuessKey(account), ...budgetKeys.flatMap((key) => [guessesKey(key), ...sendKeys(key)])],
    failures: identifierKeys.map(guessesKey),
    lockouts: [account, ...identifierKeys].map((subject) => lookup.lockout(appId, subject)),
  };
}
