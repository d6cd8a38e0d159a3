import type { App } from "../model/app.js";
import type { Contact } from "../model/contact.js";
import type { NewUser } from "../model/user.js";

/** A hook that has not answered after this time gives no answer. */
export const hookTimeoutMs = 2_000;

/** A person who is about to be created or joined, for the registration hook of the app. */
export interface RegistrationRequest {
  readonly app: App;
  readonly challengeId: string;
  readonly clientId: string;
  readonly correlationId: string;
  /** Whether the person is a test account, which has proven nothing. */
  readonly isTest: boolean;
  /** The contacts that the person has just proven, or those of the test account. */
  readonly contacts: readonly Contact[];
  /** Null: the pool has the person already, with a profile that stays as it is. */
  readonly profile: Omit<NewUser, "userId"> | null;
}

export type RegistrationAnswer =
  | { readonly kind: "allowed"; readonly roles: readonly string[]; readonly appAttributes: string }
  /** `reason` is for the user. Empty: none. */
  | { readonly kind: "refused"; readonly reason: string };

/** Asks the registration hook of the app. If the hook does not answer, the app's choice counts. Throws only if the store fails. */
export type AskRegistrationHook = (request: RegistrationRequest) => Promise<RegistrationAnswer>;
