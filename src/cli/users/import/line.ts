/** Where a person stands in a source. */
export interface Place {
  /** The number of the line that the person begins in, from 1. */
  readonly line: number;
  /** In a JSON list: the number of the item, from 1. A list may be one line. */
  readonly item?: number;
}

/** One person of a source, or why a line has none. */
export interface SourceLine extends Place {
  readonly read: { readonly record: Readonly<Record<string, unknown>> } | { readonly problem: string };
}

/** No person needs more: two bags of attributes have at most 8 KiB each. */
export const lineBytesMax = 64 * 1024;

/** The number that `--from-line` counts: of the item in a JSON list, otherwise of the line. */
export function numberOf({ line, item }: Place): number {
  return item ?? line;
}

/** Names a place, as `Line 7` or `Item 3 (line 7)`. */
export function placeText({ line, item }: Place): string {
  return item === undefined ? `Line ${line}` : `Item ${item} (line ${line})`;
}
