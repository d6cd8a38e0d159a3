import type { StoredMessage } from "../../../src/model/message.js";
import type { EndedTry, MessageFilter, Report } from "../../../src/store/port/messages.js";
import type { Store } from "../../../src/store/port/store.js";
import { appId, bytes, issue, second, t0, unique } from "./fixtures.js";

let lastId = 1_000_000;

/** A try that a carrier took, of a message that no other test has. */
export function endedTry(
  changes: Partial<Omit<EndedTry, "message" | "ended">> & {
    readonly message?: Partial<EndedTry["message"]>;
    readonly ended?: Partial<EndedTry["ended"]>;
  } = {},
): EndedTry {
  const { message, ended, ...rest } = changes;
  lastId += 1;
  return {
    messageId: lastId,
    reference: unique("reference"),
    message: {
      appId,
      userId: null,
      challengeId: unique("challenge"),
      purpose: "login",
      channel: "sms",
      maskedDestination: "*******8901",
      country: "SE",
      queuedAt: t0,
      ...message,
    },
    contactKey: bytes(unique("contact")),
    ended: { provider: "one", result: "sent", endedAt: t0 + second, detail: "", ...ended },
    status: "sent",
    providerMessageId: null,
    segments: null,
    price: null,
    ...rest,
  };
}

/** Another try of the same message. */
export function nextTry(of: EndedTry, changes: Parameters<typeof endedTry>[0]): EndedTry {
  const { messageId, reference, message, contactKey } = of;
  return endedTry({ messageId, reference, message, contactKey, ...changes });
}

/** Appends tries by settlements whose lease was lost. */
export async function append(store: Store, ...tries: readonly EndedTry[]): Promise<void> {
  await store.outbox.settle(
    tries.map((ended) => ({ outboxId: ended.messageId, tries: 0, retryAt: null, carrier: 0, unknowns: 0, ended })),
  );
}

/** Issues a challenge and appends a sent try of its message, for the contact key `contactKey`. */
export async function issueAndSend(
  store: Store,
  challenge: Parameters<typeof issue>[1],
  changes: Parameters<typeof endedTry>[0] = {},
) {
  const issued = await issue(store, challenge);
  const { challengeId, maskedDestination } = issued;
  const sent = endedTry({ ...changes, message: { challengeId, maskedDestination, ...changes.message } });
  await append(store, sent);
  return { challenge: issued, sent };
}

export async function messageOf(store: Store, { messageId }: { readonly messageId: number }): Promise<StoredMessage> {
  const message = await store.messages.get({ messageId, appId: null });
  if (message === null) throw new Error(`no message ${messageId}`);
  return message;
}

/** The ten newest messages that fit. */
export async function listed(store: Store, filter: MessageFilter = {}): Promise<readonly StoredMessage[]> {
  return (await store.messages.list({ filter, before: null, limit: 10 })).messages;
}

/** A report that the message arrived. */
export function reportOf(of: EndedTry, changes: Partial<Report> = {}): Report {
  return {
    provider: of.ended.provider,
    reference: of.reference,
    providerMessageId: null,
    status: "delivered",
    cause: "",
    segments: null,
    price: null,
    reportedAt: t0 + 5 * second,
    ...changes,
  };
}
