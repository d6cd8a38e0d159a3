/** The key of a table whose value is `value`. Returns undefined for the unset value of an enum. */
export function keyOf<K extends string, V>(table: Readonly<Record<K, V>>, value: V): K | undefined {
  for (const key in table) if (table[key] === value) return key;
  return undefined;
}
