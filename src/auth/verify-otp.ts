import type { Contact, ContactKind, Purpose, User } from "../store/store.js";
import type { Caller, Deps, Idempotency, TokenSet } from "./deps.js";

export interface VerifyOtpInput {
  readonly challengeId: string;
  /** As typed: digits, spaces, hyphens. */
  readonly code: string;
  readonly expectedPurpose: Purpose | undefined;
  /** Empty: any. */
  readonly expectedContact: string;
  readonly idempotency: Idempotency;
}

export type VerifyOtpResult = { readonly purpose: Purpose; readonly contact: Contact } & (
  | {
      readonly kind: "signed_in";
      readonly tokens: TokenSet;
      readonly user: User;
      readonly isNewUser: boolean;
      readonly usernameTaken: boolean;
    }
  | { readonly kind: "pending"; readonly pendingSources: readonly ContactKind[] }
  | { readonly kind: "proven"; readonly contactProof: string }
);

export async function verifyOtp(_deps: Deps, _caller: Caller, _input: VerifyOtpInput): Promise<VerifyOtpResult> {
  throw new Error("pending");
}
