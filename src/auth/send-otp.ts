import type { Challenge, Channel, Identifier, Purpose } from "../store/store.js";
import type { Caller, Deps, Idempotency } from "./deps.js";

export interface SendOtpInput {
  /** As the caller wrote it. */
  readonly to: { readonly kind: Identifier["kind"]; readonly value: string } | { readonly kind: "challenge"; readonly challengeId: string };
  readonly channel: Channel | undefined;
  readonly purpose: Purpose;
  readonly createUserIfMissing: boolean;
  readonly locale: string;
  readonly idempotency: Idempotency;
}

export async function sendOtp(_deps: Deps, _caller: Caller, _input: SendOtpInput): Promise<Challenge> {
  throw new Error("pending");
}
