import type { User } from "../../model/user.js";

/** Users. Redeeming a challenge creates them. */
export interface Users {
  /** Changes the given fields of a user and leaves the others. Returns null if the user does not exist. */
  update(change: {
    readonly userId: string;
    readonly displayName?: string;
    readonly locale?: string;
    readonly customAttributes?: string;
  }): Promise<User | null>;

  /**
   * Deletes a user with its contacts and sessions, and turns its challenges into decoys. Returns false if the user does not
   * exist.
   */
  delete(change: { readonly userId: string }): Promise<boolean>;
}
