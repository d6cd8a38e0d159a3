import type { ContactKind } from "./contact.js";
import type { EpochMs } from "./time.js";

export interface User {
  readonly userId: string;
  readonly username: string | null;
  readonly displayName: string;
  readonly locale: string;
  readonly contacts: readonly { readonly kind: ContactKind; readonly value: string; readonly verifiedAt: EpochMs }[];
  /** JSON text of an object, or empty. */
  readonly customAttributes: string;
  readonly createdAt: EpochMs;
}

/** The user that a redemption creates if the contact has none. */
export interface NewUser {
  readonly userId: string;
  readonly username: string | null;
  readonly displayName: string;
  readonly locale: string;
  readonly customAttributes: string;
}
