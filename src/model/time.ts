/** Milliseconds since 1970. */
export type EpochMs = number;
