import type { User } from "../../model/user.js";

/** Users. Redeeming a challenge makes them. */
export interface Users {
  /** Changes the given fields of a user and leaves the others. Returns null if the user is gone. */
  update(change: {
    readonly userId: string;
    readonly displayName?: string;
    readonly locale?: string;
    readonly customAttributes?: string;
  }): Promise<User | null>;

  /** Deletes a user with contacts and sessions, and turns their challenges into decoys. Returns false if the user is gone. */
  delete(change: { readonly userId: string }): Promise<boolean>;
}
