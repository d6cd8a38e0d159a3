import { type AccountsDeps, appFor } from "../accounts/deps.js";
import { type Actor, operatorName } from "../apps/actor.js";
import { accepted, invalidField } from "../auth/errors.js";
import { sendOtp } from "../auth/send-otp.js";
import type { Caller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
import { type Channel, channelAmong } from "../model/channel.js";
import type { Client } from "../model/client.js";
import type { ContactKind } from "../model/contact.js";
import { canonicalContact } from "../model/identifier.js";
import type { StoredMessage } from "../model/message.js";
import { testIdentifierOf } from "../model/test-identifier.js";

export interface SendTestInput {
  readonly appId: string;
  /** As the operator wrote it. */
  readonly to: { readonly kind: ContactKind; readonly value: string };
  /** Undefined: the usual one that the app's policy allows for the contact. */
  readonly channel: Channel | undefined;
}

export interface SentTest {
  readonly challenge: Challenge;
  /** Returns the message, or null if it is not stored yet. */
  readonly findMessage: () => Promise<StoredMessage | null>;
}

/** Stands for the command line as the client of a challenge. No stored client can have this id. */
const operatorClient: Omit<Client, "appId" | "scopes" | "createdAt"> = {
  clientId: operatorName,
  kind: "confidential",
  allowedOrigins: [],
  dialects: [],
  hosts: [],
  verifyByIdentifier: false,
  secrets: [],
  jwks: "",
  allowedAddresses: [],
};

/** How many messages to the contact are read at once. It can't get more within a minute. */
const recentMax = 50;

/**
 * Queues a real message to a contact, by SendOtp's rules and limits: the code of a challenge VERIFY_CONTACT. The challenge belongs to
 * the operator, so no client can redeem the code. Throws what SendOtp throws.
 */
export async function sendTest(deps: AccountsDeps, actor: Actor, input: SendTestInput): Promise<SentTest> {
  const app = await appFor(deps, actor, input.appId);
  const contact = accepted(canonicalContact(app.policy, input.to.kind, input.to.value));
  if (testIdentifierOf(app.testIdentifiers, contact, deps.clock()) !== null) {
    throw invalidField(
      contact.kind,
      "is covered by a test identifier of the app, so nothing is sent to it: choose another one",
    );
  }
  const channel = input.channel ?? channelAmong(app.policy.channels, contact.kind);
  const { address, userAgent, correlationId, signal } = actor.source;
  const client: Client = { ...operatorClient, appId: app.appId, scopes: actor.scopes, createdAt: deps.clock() };
  // A test is one message over one channel, so no workflow follows it.
  const alone = { ...app, workflows: [] };
  const of = {
    client,
    app: alone,
    policy: app.policy,
    confidential: true,
    hasOwnAddress: false,
    scopes: actor.scopes,
    cookie: null,
  };
  const caller: Caller = { ...of, address, userAgent, correlationId, signal };
  const challenge = await sendOtp(deps, caller, {
    recipient: contact,
    channel,
    purpose: "verify_contact",
    createUserIfMissing: false,
    reuseLive: false,
    code: { ttlMs: undefined, length: undefined, custom: undefined },
    locale: "",
    idempotency: null,
  });
  const { challengeId } = challenge;
  deps.log.info({ act: "message.test", by: actor.name, app: app.appId, challengeId, address, correlationId }, "sent a test");
  const filter = { appId: app.appId, contactKey: deps.lookup.identifier(app.poolId, contact) };
  const findMessage = async (): Promise<StoredMessage | null> => {
    let before: number | null = null;
    do {
      const { messages, next } = await deps.store.messages.list({ filter, before, limit: recentMax });
      const found = messages.find((message) => message.challengeId === challengeId);
      if (found !== undefined) return found;
      before = next;
    } while (before !== null);
    return null;
  };
  return { challenge, findMessage };
}
