import type { TokenStore } from "./token-store.js";

/** Runs tasks one at a time for each token store. */
export type Turns = <T>(task: () => Promise<T>) => Promise<T>;

/**
 * Pages take turns by Web Locks, which the browser releases when a page closes. Where there are none (plain HTTP, old browsers, Node)
 * only the tasks of this page take turns. Two pages may then renew at once. That costs one call more; both use the same pending key
 * and get the same tokens.
 */
export function createTurns(store: TokenStore, name: string): Turns {
  const locks = store.shared ? globalThis.navigator?.locks : undefined;
  if (locks !== undefined) return async (task) => await locks.request(name, task);
  return (task) => {
    const before = queues.get(store) ?? Promise.resolve();
    const turn = before.then(task);
    queues.set(
      store,
      turn.catch(() => {}),
    );
    return turn;
  };
}

/** By store, because an app may create two clients on one store. */
const queues = new WeakMap<TokenStore, Promise<unknown>>();
