import type { Caller } from "../model/caller.js";
import type { MessageWords } from "../model/wording.js";
import { AuthError, invalidField } from "./errors.js";

/** What a caller with the scope `otp:options` decides about a code. Undefined: the policy decides. */
export interface CodeOptions {
  readonly ttlMs: number | undefined;
  readonly length: number | undefined;
  /** A code that the caller made. */
  readonly custom: string | undefined;
}

export const noCodeOptions: CodeOptions = { ttlMs: undefined, length: undefined, custom: undefined };

/** Throws SCOPE_MISSING if the caller may not set the options that it set, REQUEST_INVALID if they don't fit the request. */
export function checkCodeOptions(
  caller: Caller,
  given: {
    readonly code: CodeOptions;
    readonly words?: MessageWords | undefined;
    readonly recipient: { readonly kind: string };
    readonly reuseLive: boolean;
  },
): void {
  const { code, words, recipient, reuseLive } = given;
  const [field] = [
    code.ttlMs !== undefined && "code_ttl",
    code.length !== undefined && "code_length",
    code.custom !== undefined && "custom_code",
    words?.customMessage !== undefined && "custom_message",
    words?.subject !== undefined && "subject",
    words?.senderId !== undefined && "sender_id",
  ].filter((name) => name !== false);
  if (reuseLive && recipient.kind === "challenge") throw invalidField("reuse_live", "not valid with challenge_id");
  if (field === undefined) return;
  if (!caller.scopes.has("otp:options")) {
    throw new AuthError("SCOPE_MISSING", { detail: field, metadata: { scope: "otp:options" } });
  }
  if (recipient.kind === "challenge") {
    throw invalidField(field, "not valid with challenge_id: a resend sends the same code in the same words");
  }
  if (code.custom === undefined) return;
  if (code.length !== undefined) throw invalidField("code_length", "not valid with custom_code: leave it out");
  if (reuseLive) throw invalidField("custom_code", "not valid with reuse_live: a live challenge has a code of its own");
}
