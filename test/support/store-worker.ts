import { type DatabaseLocation, openStore } from "../../src/store/open.js";
import { type OperationName, operationOf } from "../../src/store/port/operations.js";
import type { Store } from "../../src/store/port/store.js";

/** What a process is told to do with a database; it answers each with one message: `open` with the names of operations. */
export type StoreOrder =
  | { readonly kind: "open"; readonly location: DatabaseLocation }
  | { readonly kind: "call"; readonly operation: OperationName; readonly inputs: readonly (readonly unknown[])[] }
  | { readonly kind: "close" };

export interface NumberedOrder {
  readonly number: number;
  readonly order: StoreOrder;
}

export type StoreAnswer = { readonly number: number } & ({ readonly results: readonly unknown[] } | { readonly error: string });

let store: Store | undefined;

async function obey(order: StoreOrder): Promise<readonly unknown[]> {
  switch (order.kind) {
    case "open":
      store = await openStore(order.location, { inFlight: () => 0 });
      return Object.entries(store).flatMap(([aggregate, operations]) =>
        Object.keys(operations).map((name) => `${aggregate}.${name}`),
      );
    case "call": {
      const operation = operationOf(store!, order.operation);
      return await Promise.all(order.inputs.map((input) => operation(...input)));
    }
    case "close":
      await store?.close();
      return [];
  }
}

process.on("message", ({ number, order }: NumberedOrder) => {
  obey(order).then(
    (results) => process.send?.({ number, results } satisfies StoreAnswer),
    (error: unknown) => process.send?.({ number, error: String(error) } satisfies StoreAnswer),
  );
});
