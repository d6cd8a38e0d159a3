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

/** The code blocks of one language under a heading of a page, without those under headings below it. */
export function blocksUnder(page: string, heading: string, language: string): string[] {
  const markdown = readFileSync(join(repository, page), "utf8");
  const start = markdown.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`${page} has no heading ${heading}`);
  // A comment in a block begins as a heading does, but with one sign.
  const [section] = markdown.slice(start + heading.length + 2).split(/^##+ /m);
  return [...section!.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, of]) => of === language).map(([, , text]) => text!);
}
