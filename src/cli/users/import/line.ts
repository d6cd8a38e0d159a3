/** One person of a source, or why a line has none. */
export interface SourceLine {
  /** The number of the line that the person begins in, from 1. */
  readonly line: number;
  readonly read: { readonly record: Readonly<Record<string, unknown>> } | { readonly problem: string };
}

/** No person needs more: two bags of attributes have at most 8 KiB each. */
export const lineBytesMax = 64 * 1024;
