import type { PostgresHost } from "./postgres-url.js";

/**
 * Finds a password in a file of libpq's `.pgpass` format. Each line is host:port:database:user:password; `*` matches everything, and
 * a backslash escapes `:` and `\`. The first matching line counts. Returns null if no line matches.
 */
export function passwordIn(
  text: string,
  { host, port, database, user }: PostgresHost & { readonly database: string; readonly user: string },
): string | null {
  const wanted = [host.startsWith("/") ? "localhost" : host, String(port), database, user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = Array.from(line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g), ([, field]) => field!.replace(/\\(.)/g, "$1"));
    const password = fields[wanted.length];
    if (password !== undefined && wanted.every((value, i) => fields[i] === "*" || fields[i] === value)) return password;
  }
  return null;
}
