import type { Actions, App, Kind } from "./history.js";
import type { Secrets } from "./perform.js";

/** A step with names in place of numbers: a call that can be made. */
export type Ready = {
  readonly [K in Kind]: { readonly kind: K; readonly action: Actions[K]; readonly secrets: Secrets };
}[Kind] & {
  /** Who asks, as the proxy in front would say. */
  readonly requester: string;
  readonly accessToken?: string;
  /** Whose public client calls. Undefined: that of the token, or the default one. */
  readonly app?: App;
};

/** Of calls whose requester does not matter. */
export const anyRequester = "203.0.113.250";
export const codeWaitMs = 250;

export function pick<T>(items: readonly T[], index: number): T | undefined {
  return items[index % Math.max(items.length, 1)];
}
