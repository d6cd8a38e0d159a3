/** One sliding window of a budget. */
export interface Limit {
  readonly max: number;
  readonly windowMs: number;
}
