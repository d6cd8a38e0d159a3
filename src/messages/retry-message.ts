import { type AccountsDeps, appFor } from "../accounts/deps.js";
import { type Actor, operatorName } from "../apps/actor.js";
import { AuthError } from "../auth/errors.js";
import type { Idempotency } from "../auth/idempotency.js";
import { resendCode } from "../auth/resend-code.js";
import type { Caller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
import { messageOf, type OfMessage } from "./get-message.js";

/**
 * Sends the code of a message again, as its client would by SendOtp: the same limits hold and the same refusals are thrown. Throws
 * MESSAGE_NOT_FOUND, and CODE_INVALID if the challenge has ended or was deleted.
 */
export async function retryMessage(
  deps: AccountsDeps,
  actor: Actor,
  input: OfMessage & { readonly idempotency: Idempotency },
): Promise<Challenge> {
  const app = await appFor(deps, actor, input.appId);
  const { challengeId, channel } = await messageOf(deps, app, input.messageId);
  const clientId = (await deps.store.challenges.find(challengeId))?.clientId;
  const found = clientId === undefined ? null : (deps.directory.find(clientId) ?? (await deps.directory.lookUp(clientId)));
  if (found?.client.appId !== app.appId) {
    throw new AuthError("CODE_INVALID", { detail: whyNotFound(clientId), metadata: { cause: "UNKNOWN" } });
  }
  const { address, userAgent, correlationId, signal } = actor.source;
  const of = {
    client: found.client,
    app,
    policy: app.policy,
    confidential: true,
    hasOwnAddress: false,
    scopes: actor.scopes,
    cookie: null,
  };
  const caller: Caller = { ...of, address, userAgent, correlationId, signal };
  const challenge = await resendCode(deps, caller, { challengeId, channel, idempotency: input.idempotency });
  deps.log.info(
    { act: "message.retry", by: actor.name, app: app.appId, message: input.messageId, address, correlationId },
    "sent a message again",
  );
  return challenge;
}

/** The detail of the refusal of a test. */
export const testDetail = "the message is a test, whose code is of no client";

function whyNotFound(clientId: string | undefined): string {
  if (clientId === undefined) return "the challenge of the message is gone";
  if (clientId === operatorName) return testDetail;
  return "the client of the message's challenge is gone, or belongs to another app now";
}
