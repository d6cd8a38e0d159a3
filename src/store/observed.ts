import { mapOperations, type OperationName } from "./port/operations.js";
import type { Store } from "./port/store.js";

/** An operation that came to its end. */
export interface EndedOperation {
  readonly operation: OperationName;
  readonly tookMs: number;
  /** The name of what it threw; undefined: nothing. */
  readonly error: string | undefined;
}

/** The same store, which reports how long its operations take and which of them fail. */
export function observeStore(store: Store, ended: (operation: EndedOperation) => void): Store {
  return mapOperations(store, (operation, run) => (...input) => {
    const startedAt = performance.now();
    const report = (error: string | undefined) => ended({ operation, tookMs: performance.now() - startedAt, error });
    const result = run(...input);
    result.then(
      () => report(undefined),
      (error: unknown) => report(error instanceof Error ? error.name : typeof error),
    );
    return result;
  });
}
