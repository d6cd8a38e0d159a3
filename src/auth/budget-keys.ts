/**
 * Kinds of budgets. The kind is the first byte of a key, so keys of different kinds never collide. Budgets are locked in the order of
 * their keys. Those that many callers share have the highest kinds: they are locked last and for the shortest time.
 */
const kinds = {
  sendsOfRequester: 1,
  sends: 2,
  paidSends: 3,
  guesses: 4,
  userGuesses: 5,
  guessesOfRequester: 6,
  userGuessesOfRequester: 7,
  clientFailures: 8,
  contactFailures: 9,
  unblocks: 10,
  addressSends: 11,
  addressIdentifiers: 12,
  addressRegistrations: 13,
  addressFailures: 14,
  prefixSends: 15,
  wideSends: 200,
  wideRegistrations: 201,
  wideFailures: 202,
  clientSends: 203,
  countrySends: 204,
  appSends: 205,
  deploymentSends: 206,
} as const;

export type BudgetKind = keyof typeof kinds;

export function keyOf(kind: BudgetKind, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.of(kinds[kind]), ...parts]);
}
