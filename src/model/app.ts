import type { Policy } from "./policy.js";

/** A product that users sign in to. */
export interface App {
  readonly appId: string;
  /** Applies to all calls of the app's clients. */
  readonly policy: Policy;
}
