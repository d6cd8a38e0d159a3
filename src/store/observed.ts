import type { Store } from "./store.js";

/** An operation that came to its end. */
export interface EndedOperation {
  readonly operation: keyof Store;
  readonly tookMs: number;
  /** The name of what it threw; undefined: nothing. */
  readonly error: string | undefined;
}

/** The same store, telling how long its operations take and which of them fail. */
export function observeStore(store: Store, ended: (operation: EndedOperation) => void): Store {
  const observed: Record<string, unknown> = {};
  for (const operation of Object.keys(store) as (keyof Store)[]) {
    const run = store[operation] as (...input: unknown[]) => Promise<unknown>;
    observed[operation] = (...input: unknown[]) => {
      const startedAt = performance.now();
      const tell = (error: string | undefined) => ended({ operation, tookMs: performance.now() - startedAt, error });
      const result = run(...input);
      result.then(
        () => tell(undefined),
        (error: unknown) => tell(error instanceof Error ? error.name : typeof error),
      );
      return result;
    };
  }
  return observed as unknown as Store;
}
