import type { JsonObject } from "@bufbuild/protobuf";
import type { Challenge, ContactKind } from "../store/store.js";
import type { Caller, Deps, Idempotency } from "./deps.js";

export interface RegisterUserInput {
  /** Empty strings: not given. */
  readonly username: string;
  readonly email: string;
  readonly phone: string;
  readonly displayName: string;
  readonly locale: string;
  readonly verificationSources: readonly ContactKind[];
  readonly customAttributes: JsonObject | undefined;
  readonly idempotency: Idempotency;
}

export async function registerUser(_deps: Deps, _caller: Caller, _input: RegisterUserInput): Promise<readonly Challenge[]> {
  throw new Error("pending");
}
