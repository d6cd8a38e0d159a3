import type { TokenStore } from "./token-store.js";

/** Runs one task at a time among all that use the same token store. */
export type Turns = <T>(task: () => Promise<T>) => Promise<T>;

/**
 * Between pages by Web Locks, which the browser frees when a page dies. Without them (plain HTTP, old browsers, Node) tasks of this
 * page alone take turns: two pages may then renew at once, which costs a call, and harms nobody because they share the pending key.
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

/** By store and not by client, since an app may make two clients on one store. */
const queues = new WeakMap<TokenStore, Promise<unknown>>();
