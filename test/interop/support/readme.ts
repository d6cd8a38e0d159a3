import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Ports } from "./latchkey.js";
import { repository } from "./paths.js";

/** A code block of the README that stands under `<!-- run: name -->`. */
export interface Block {
  readonly name: string;
  readonly language: "sh" | "ts";
  readonly text: string;
}

/** The README's blocks that are run, in their order. Throws for a mark that no `sh` or `ts` block follows. */
export function readmeBlocks(markdown = readFileSync(join(repository, "README.md"), "utf8")): Block[] {
  return [...markdown.matchAll(/^<!-- run: (.+?) -->\s*?\n(?:\n*```(\w+)\n([\s\S]*?)^```$)?/gm)].map(
    ([, name, language, text]) => {
      if (text === undefined || (language !== "sh" && language !== "ts")) {
        throw new Error(`README.md: no \`\`\`sh or \`\`\`ts block follows <!-- run: ${name} -->`);
      }
      return { name: name!, language, text };
    },
  );
}

/** The text with the ports of a server that does not listen where a newcomer's does. */
export function withPorts(text: string, ports: Ports): string {
  const moved = new Map([
    ["50051", ports.grpc],
    ["8080", ports.http],
    ["8025", ports.inbox],
  ]);
  return text.replace(/\b(?:50051|8080|8025)\b/g, (port) => String(moved.get(port)));
}
