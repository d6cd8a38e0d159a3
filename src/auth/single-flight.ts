/**
 * Lets calls with one name that run at once in this process be one call: those that come while the first is under way get its
 * result. When the first fails each of the others runs by itself, for what failed may have been the first one's own deadline.
 * Calls without a name (null) are on their own. Saves twins from spending each other's attempts; the store decides all the same.
 */
export type SingleFlight = <T>(name: Buffer | null, run: () => Promise<T>) => Promise<T>;

export function createSingleFlight(): SingleFlight {
  const running = new Map<string, Promise<unknown>>();
  return async <T>(name: Buffer | null, run: () => Promise<T>): Promise<T> => {
    if (name === null) return await run();
    const key = name.toString("latin1");
    const first = running.get(key);
    if (first !== undefined) {
      try {
        return (await first) as T;
      } catch {
        return await run();
      }
    }
    const mine = run();
    running.set(key, mine);
    try {
      return await mine;
    } finally {
      running.delete(key);
    }
  };
}
