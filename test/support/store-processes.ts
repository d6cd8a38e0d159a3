import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { DatabaseLocation } from "../../src/store/open.js";
import type { Store } from "../../src/store/store.js";
import type { StoreAnswer, StoreOrder } from "./store-worker.js";

/** Processes of their own that use one database at once. */
export interface StoreProcesses {
  /** Has every process open the database, then lets all make their share of the calls at one moment. Results in no order. */
  race<Operation extends keyof Store>(
    location: DatabaseLocation,
    operation: Operation,
    inputs: readonly Parameters<Store[Operation]>[0][],
  ): Promise<Awaited<ReturnType<Store[Operation]>>[]>;
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
  const all = async (orderOf: (index: number) => StoreOrder): Promise<unknown[]> => {
    const answers = await Promise.all(children.map((child, index) => tell(child, orderOf(index))));
    const error = answers.find((answer) => "error" in answer);
    if (error !== undefined) throw new Error(error.error);
    return answers.flatMap((answer) => ("results" in answer ? answer.results : []));
  };
  return {
    async race(location, operation, inputs) {
      await all(() => ({ kind: "open", location }));
      const share = (index: number) => inputs.filter((_, position) => position % count === index);
      try {
        const results = await all((index) => ({ kind: "call", operation, inputs: share(index) }));
        return results as Awaited<ReturnType<Store[typeof operation]>>[];
      } finally {
        await all(() => ({ kind: "close" }));
      }
    },
    async stop() {
      const exits = children.map((child) => once(child, "exit"));
      for (const child of children) child.kill();
      await Promise.all(exits);
    },
  };
}

async function tell(child: ChildProcess, order: StoreOrder): Promise<StoreAnswer> {
  const answered = once(child, "message") as Promise<[StoreAnswer]>;
  child.send(order);
  const [answer] = await answered;
  return answer;
}
