/**
 * Merges concurrent calls of this process that have the same name: calls that arrive while the first is running get its result.
 * If the first one fails, each of the others runs by itself, because the cause may have been the first one's own deadline.
 * Calls without a name (null) are never merged. Without merging, a repeated call would spend a second
 * attempt. The store still decides which call wins.
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
