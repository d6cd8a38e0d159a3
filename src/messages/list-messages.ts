import { type AccountsDeps, appFor } from "../accounts/deps.js";
import { pageTokenOf, placeIn } from "../accounts/page-token.js";
import type { Actor } from "../apps/actor.js";
import { type Page, type PageRequest, pageOf } from "../apps/page.js";
import { accepted, invalidField } from "../auth/errors.js";
import type { App } from "../model/app.js";
import { canonicalContact, canonicalUserId } from "../model/identifier.js";
import type { StoredMessage } from "../model/message.js";
import type { MessageFilter } from "../store/port/messages.js";

export interface ListMessagesInput extends PageRequest {
  /** Empty: the app of the actor. */
  readonly appId: string;
  /** As the caller wrote it. Null: all people. */
  readonly recipient: { readonly kind: "user_id" | "email" | "phone"; readonly value: string } | null;
  readonly filter: Pick<MessageFilter, "status" | "provider" | "from" | "to">;
}

/**
 * Lists the messages of an app, newest first. A page has fewer messages than asked for, or none, although others follow, if they are
 * too large for one answer or if thousands of others had to be looked at. Throws REQUEST_INVALID for a page token that is not one of
 * the same list, and what `appFor` throws.
 */
export async function listMessages(deps: AccountsDeps, actor: Actor, input: ListMessagesInput): Promise<Page<StoredMessage>> {
  const app = await appFor(deps, actor, input.appId);
  const { from, to } = input.filter;
  if (from !== undefined && to !== undefined && from >= to) throw invalidField("queued_to", "must be later than queued_from");
  const recipient = recipientIn(deps, app, input.recipient);
  const filter = { ...input.filter, appId: app.appId, ...recipient };
  const owner = { by: actor.name, appId: app.appId, filter: JSON.stringify(["messages", input.filter, input.recipient]) };
  const place = placeIn(deps, owner, input.pageToken);
  const limit = input.pageSize === 0 ? sizeDefault : input.pageSize;
  const before = place === "" ? null : Number(place);
  const { messages, next } = await deps.store.messages.list({ filter, before, limit, mayLag: true });
  const page = pageOf(messages, { pageSize: limit, pageToken: "" }, ({ messageId }) => String(messageId));
  const end = page.nextPageToken || (next === null ? null : String(next));
  return { items: page.items, nextPageToken: pageTokenOf(deps, owner, end) };
}

const sizeDefault = 50;

function recipientIn(
  { lookup }: AccountsDeps,
  { poolId, policy }: App,
  recipient: ListMessagesInput["recipient"],
): Pick<MessageFilter, "userId" | "contactKey"> {
  if (recipient === null) return {};
  const { kind, value } = recipient;
  if (kind === "user_id") return { userId: accepted(canonicalUserId(value)) };
  return { contactKey: lookup.identifier(poolId, accepted(canonicalContact(policy, kind, value))) };
}
