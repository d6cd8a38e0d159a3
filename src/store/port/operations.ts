import type { Store } from "./store.js";

type Aggregate = Exclude<keyof Store, "close">;

/** The name of an operation in logs, metrics and traces, such as `challenges.issue`. */
export type OperationName = { [A in Aggregate]: `${A}.${keyof Store[A] & string}` }[Aggregate];

export type Operation<Name extends OperationName> = Name extends `${infer A extends Aggregate}.${infer O}`
  ? O extends keyof Store[A]
    ? Store[A][O] extends (...input: infer I) => Promise<infer T>
      ? (...input: I) => Promise<T>
      : never
    : never
  : never;

type Run = (...input: unknown[]) => Promise<unknown>;

export function operationOf(store: Store, operation: OperationName): Run {
  const [aggregate, name] = operation.split(".") as [Aggregate, string];
  return (store[aggregate] as unknown as Record<string, Run>)[name]!;
}

/** Returns a store whose operations run through `wrap`. */
export function mapOperations(store: Store, wrap: (operation: OperationName, run: Run) => Run): Store {
  const { close, ...aggregates } = store;
  const mapped = Object.entries(aggregates).map(([aggregate, operations]) => [
    aggregate,
    Object.fromEntries(
      Object.entries(operations as unknown as Record<string, Run>).map(([name, run]) => [
        name,
        wrap(`${aggregate}.${name}` as OperationName, run),
      ]),
    ),
  ]);
  return { ...Object.fromEntries(mapped), close } as Store;
}
