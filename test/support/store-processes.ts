import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type DatabaseLocation, openStore } from "../../src/store/open.js";
import { type Operation, type OperationName, operationOf } from "../../src/store/port/operations.js";
import type { Store } from "../../src/store/port/store.js";
import type { NumberedOrder, StoreAnswer, StoreOrder } from "./store-worker.js";

/** Processes of their own that use one database at once. */
export interface StoreProcesses {
  /** Has every process open the database, then lets all make their share of the calls at one moment. Results in no order. */
  race<Name extends OperationName>(
    location: DatabaseLocation,
    operation: Name,
    inputs: readonly Parameters<Operation<Name>>[0][],
  ): Promise<Awaited<ReturnType<Operation<Name>>>[]>;
  /** Has every process open the database, and gives a store of which each operation is done by the next process. One at a time. */
  open(location: DatabaseLocation): Promise<Store>;
  /** How many operations each process has done. */
  readonly done: readonly number[];
  stop(): Promise<void>;
}

const worker = fileURLToPath(new URL("store-worker.ts", import.meta.url));

/** @param options.fileBlocksMax How large the processes may make a file, in the blocks of `ulimit -f`: a disk that is full. */
export async function startStoreProcesses(
  count: number,
  options: { readonly fileBlocksMax?: number } = {},
): Promise<StoreProcesses> {
  const limit = options.fileBlocksMax === undefined ? "" : `ulimit -f ${options.fileBlocksMax}; `;
  const children = Array.from({ length: count }, () =>
    spawn("sh", ["-c", `${limit}exec "$0" --import tsx "$1"`, process.execPath, worker], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    }),
  );
  const tellers = children.map(createTeller);
  const done = children.map(() => 0);
  const all = async (orderOf: (index: number) => StoreOrder): Promise<unknown[]> =>
    (await Promise.all(tellers.map((tell, index) => tell(orderOf(index))))).flat();
  return {
    async race(location, operation, inputs) {
      await all(() => ({ kind: "open", location }));
      const share = (index: number) => inputs.filter((_, position) => position % count === index).map((input) => [input]);
      try {
        const results = await all((index) => ({ kind: "call", operation, inputs: share(index) }));
        return results as Awaited<ReturnType<Operation<typeof operation>>>[];
      } finally {
        await all(() => ({ kind: "close" }));
      }
    },
    async open(location) {
      const operations = (await all(() => ({ kind: "open", location }))) as OperationName[];
      let turn = 0;
      // Functions cannot be sent to another process, so this one makes the changes that take one.
      const own = await openStore(location, { inFlight: () => 0 });
      async function call(operation: OperationName, input: readonly unknown[]): Promise<unknown> {
        if (input.some(hasFunction)) return await operationOf(own, operation)(...input);
        const next = turn++ % count;
        const [result] = await tellers[next]!({ kind: "call", operation, inputs: [input] });
        done[next]! += 1;
        return result;
      }
      const store: Record<string, unknown> = { close: () => closeAll() };
      const closeAll = async () => {
        await own.close();
        await all(() => ({ kind: "close" }));
      };
      for (const operation of operations) {
        const [aggregate, name] = operation.split(".") as [string, string];
        store[aggregate] = { ...(store[aggregate] ?? {}), [name]: (...input: unknown[]) => call(operation, input) };
      }
      return store as unknown as Store;
    },
    done,
    async stop() {
      const exits = children.map((child) => once(child, "exit"));
      for (const child of children) child.kill();
      await Promise.all(exits);
    },
  };
}

function hasFunction(input: unknown): boolean {
  return typeof input === "object" && input !== null && Object.values(input).some((value) => typeof value === "function");
}

/** Gives orders to a process, any number of them at once. Fails as the order did. */
function createTeller(child: ChildProcess): (order: StoreOrder) => Promise<readonly unknown[]> {
  const waiting = new Map<number, (answer: StoreAnswer) => void>();
  let orders = 0;
  child.on("message", (answer: StoreAnswer) => {
    waiting.get(answer.number)?.(answer);
    waiting.delete(answer.number);
  });
  return async (order) => {
    orders += 1;
    const number = orders;
    const answered = new Promise<StoreAnswer>((resolve) => waiting.set(number, resolve));
    child.send({ number, order } satisfies NumberedOrder);
    const answer = await answered;
    if ("error" in answer) throw new Error(answer.error);
    return answer.results;
  };
}
