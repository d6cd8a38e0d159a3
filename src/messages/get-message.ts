import { type AccountsDeps, appFor } from "../accounts/deps.js";
import type { Actor } from "../apps/actor.js";
import { AuthError } from "../auth/errors.js";
import type { App } from "../model/app.js";
import type { StoredMessage } from "../model/message.js";

/** How use cases name a message. */
export interface OfMessage {
  /** Empty: the app of the actor. */
  readonly appId: string;
  readonly messageId: number;
}

/** Returns a message of the app. Throws MESSAGE_NOT_FOUND, with the same answer for messages of other apps, and what `appFor` throws. */
export async function getMessage(deps: AccountsDeps, actor: Actor, input: OfMessage): Promise<StoredMessage> {
  return await messageOf(deps, await appFor(deps, actor, input.appId), input.messageId);
}

/** Throws MESSAGE_NOT_FOUND. */
export async function messageOf({ store }: AccountsDeps, { appId }: App, messageId: number): Promise<StoredMessage> {
  const message = await store.messages.get({ messageId, appId });
  if (message === null) throw new AuthError("MESSAGE_NOT_FOUND");
  return message;
}
