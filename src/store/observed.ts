import { mapOperations, type OperationName } from "./port/operations.js";
import type { Store } from "./port/store.js";

/** An operation that has ended. */
export interface EndedOperation {
  readonly operation: OperationName;
  readonly tookMs: number;
  /** The name of the error that it threw. Undefined if it succeeded. */
  readonly error: string | undefined;
}

/** Returns the same store, reporting how long each operation takes and whether it fails. */
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
