import { type DatabaseLocation, openStore } from "../../src/store/open.js";
import type { Store } from "../../src/store/store.js";

/** What a process is told to do with a database; it answers each with one message. */
export type StoreOrder =
  | { readonly kind: "open"; readonly location: DatabaseLocation }
  | { readonly kind: "call"; readonly operation: keyof Store; readonly inputs: readonly unknown[] }
  | { readonly kind: "close" };

export type StoreAnswer = { readonly results: readonly unknown[] } | { readonly error: string };

let store: Store | undefined;

async function obey(order: StoreOrder): Promise<readonly unknown[]> {
  switch (order.kind) {
    case "open":
      store = await openStore(order.location, { inFlight: () => 0 });
      return [];
    case "call": {
      const operation = store![order.operation] as (input: unknown) => Promise<unknown>;
      return await Promise.all(order.inputs.map((input) => operation(input)));
    }
    case "close":
      await store?.close();
      return [];
  }
}

process.on("message", (order: StoreOrder) => {
  obey(order).then(
    (results) => process.send?.({ results } satisfies StoreAnswer),
    (error: unknown) => process.send?.({ error: String(error) } satisfies StoreAnswer),
  );
});
