/** Lists columns of `of`, a table or alias. `names` has spaces between them. */
export function columns(names: string, of: string): string {
  return names
    .split(" ")
    .map((name) => `${of}.${name}`)
    .join(", ");
}
