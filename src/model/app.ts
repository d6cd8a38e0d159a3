import type { Policy } from "./policy.js";

/** A product that users sign in to. */
export interface App {
  readonly appId: string;
  /** What applies to all calls of the app's clients. */
  readonly policy: Policy;
}
