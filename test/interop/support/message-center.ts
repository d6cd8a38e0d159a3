import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { interop, python } from "./paths.js";
import { cleanEnv } from "./run.js";
import { until } from "./until.js";

/** One submit_sm, as the Python peer decoded it. */
export interface Arrived {
  readonly id: string;
  readonly to: string;
  readonly toTon: string;
  readonly source: string;
  readonly sourceTon: string;
  readonly receipt: string;
  readonly validity: string;
  readonly coding: string;
  readonly text: string;
  /** The reference, the number of parts, and which of them it is. Null: the message has one part. */
  readonly part: readonly [number, number, number] | null;
}

export interface MessageCenter {
  readonly port: number;
  /** Waits until at least `count` messages arrived since the start, and returns all. */
  arrived(count: number): Promise<readonly Arrived[]>;
  /** How often a transceiver logged in. */
  binds(): number;
  /** Sends a receipt and returns the name of the status that acknowledged it. */
  sendReceipt(id: string, stat: string): Promise<string>;
  stop(): Promise<void>;
}

/** The SMPP server of PyPI's smpp.twisted3 in a process of its own. */
export async function startMessageCenter(): Promise<MessageCenter> {
  const child = spawn(python, [join(interop, "python/message_center.py")], {
    env: cleanEnv(),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const lines: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
  const port = await until(
    "the message center listens",
    () => lines.find((line) => "port" in line)?.port as number | undefined,
  );
  return {
    port,
    arrived: (count) =>
      until(`${count} messages arrive`, () => {
        const arrived = lines.filter((line) => "to" in line) as unknown as Arrived[];
        return arrived.length < count ? undefined : arrived;
      }),
    binds: () => lines.filter((line) => "bound" in line).length,
    async sendReceipt(id, stat) {
      const before = lines.length;
      child.stdin.write(`${JSON.stringify({ receipt: id, stat })}\n`);
      const acknowledged = () => lines.slice(before).find((line) => line.acknowledged === id);
      return (await until("the receipt is acknowledged", acknowledged)).status as string;
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
