import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file of `deploy/cluster` with other values. Throws if one of them is not in it, or if it still names an example's machine. */
export function example(name: string, values: Readonly<Record<string, string>>): string {
  let text = readFileSync(fileURLToPath(new URL(`../../deploy/cluster/${name}`, import.meta.url)), "utf8");
  for (const [from, to] of Object.entries(values)) {
    if (!text.includes(from)) throw new Error(`deploy/cluster/${name} has no ${from}: correct the test`);
    text = text.replaceAll(from, to);
  }
  const left = /.*\.example\.com.*/.exec(text);
  if (left !== null) throw new Error(`deploy/cluster/${name} names a machine that the test does not replace: ${left[0]}`);
  return text;
}

/** The same of a file of environment variables. */
export function exampleEnv(name: string, values: Readonly<Record<string, string>>): Record<string, string> {
  const lines = example(name, values).matchAll(/^([A-Z0-9_]+)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, variable, value]) => [variable, value]));
}
