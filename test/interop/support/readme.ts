import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Ports } from "./latchkey.js";
import { repository } from "./paths.js";

/** What stands under the marks `<!-- run: name -->` of one page. Blocks of one name are one program, in their order. */
export interface Block {
  readonly page: string;
  readonly name: string;
  readonly language: "sh" | "ts";
  readonly text: string;
}

/** The blocks of README.md and of every page of docs that are run. */
export function markedBlocks(): Block[] {
  const docs = readdirSync(join(repository, "docs"), { recursive: true, encoding: "utf8" });
  const pages = ["README.md", ...docs.filter((path) => path.endsWith(".md")).map((path) => join("docs", path))];
  return pages.flatMap((page) => blocksOf(page, readFileSync(join(repository, page), "utf8")));
}

/** The marked blocks of one page. Throws for a mark that no `sh` or `ts` block follows, and for a name with two languages. */
function blocksOf(page: string, markdown: string): Block[] {
  const blocks = new Map<string, Block>();
  for (const [, name, language, text] of markdown.matchAll(/^<!-- run: (.+?) -->\s*?\n(?:\n*```(\w+)\n([\s\S]*?)^```$)?/gm)) {
    const before = blocks.get(name!);
    if (text === undefined || (language !== "sh" && language !== "ts") || (before?.language ?? language) !== language) {
      throw new Error(`${page}: no \`\`\`sh or \`\`\`ts block follows <!-- run: ${name} -->`);
    }
    blocks.set(name!, { page, name: name!, language, text: (before?.text ?? "") + text });
  }
  return [...blocks.values()];
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
