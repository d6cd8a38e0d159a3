import {
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Idempotency, TokenSet } from "../auth/deps.js";
import { Alphabet, type ChallengeSchema, Channel, Purpose } from "../gen/latchkey/v1/challenge_pb.js";
import type { SessionSchema, TokenSetSchema } from "../gen/latchkey/v1/session_pb.js";
import { ContactKind, type Contact as ContactMessage, type UserSchema, UserState } from "../gen/latchkey/v1/user_pb.js";
import type * as store from "../store/store.js";

const purposes = {
  login: Purpose.LOGIN,
  registration: Purpose.REGISTRATION,
  verify_contact: Purpose.VERIFY_CONTACT,
} satisfies Record<store.Purpose, Purpose>;

const channels = { email: Channel.EMAIL, sms: Channel.SMS } satisfies Record<store.Channel, Channel>;

const contactKinds = { email: ContactKind.EMAIL, phone: ContactKind.PHONE } satisfies Record<store.ContactKind, ContactKind>;

/** The key of a table whose value is `value`; undefined for the unset value. */
function keyOf<K extends string, V>(table: Readonly<Record<K, V>>, value: V): K | undefined {
  for (const key in table) if (table[key] === value) return key;
  return undefined;
}

export const toPurpose = (purpose: store.Purpose): Purpose => purposes[purpose];
export const fromPurpose = (purpose: Purpose): store.Purpose | undefined => keyOf(purposes, purpose);
export const fromChannel = (channel: Channel): store.Channel | undefined => keyOf(channels, channel);
export const toContactKind = (kind: store.ContactKind): ContactKind => contactKinds[kind];

export function fromContactKinds(kinds: readonly ContactKind[]): store.ContactKind[] {
  return kinds.map((kind) => keyOf(contactKinds, kind)).filter((kind) => kind !== undefined);
}

export function toContact(
  contact: store.Contact,
  verifiedAt?: store.EpochMs,
): Pick<ContactMessage, "kind" | "value" | "verifiedAt"> {
  return {
    kind: toContactKind(contact.kind),
    value: contact.value,
    verifiedAt: verifiedAt === undefined ? undefined : timestampFromMs(verifiedAt),
  };
}

export function toChallenge(challenge: store.Challenge): MessageInitShape<typeof ChallengeSchema> {
  return {
    challengeId: challenge.challengeId,
    channel: channels[challenge.channel],
    maskedDestination: challenge.maskedDestination,
    codeLength: challenge.codeLength,
    alphabet: Alphabet.DIGITS,
    expiresAt: timestampFromMs(challenge.expiresAt),
    resendAt: timestampFromMs(challenge.resendAt),
    sendsLeft: Math.max(0, challenge.sendsMax - challenge.sends),
  };
}

export function toUser(user: store.User): MessageInitShape<typeof UserSchema> {
  return {
    userId: user.userId,
    username: user.username ?? "",
    displayName: user.displayName,
    locale: user.locale,
    contacts: user.contacts.map((contact) => toContact(contact, contact.verifiedAt)),
    customAttributes: user.customAttributes === "" ? undefined : (JSON.parse(user.customAttributes) as JsonObject),
    createdAt: timestampFromMs(user.createdAt),
    state: UserState.ACTIVE,
  };
}

export function toSession(session: store.Session, currentSessionId: string): MessageInitShape<typeof SessionSchema> {
  return {
    sessionId: session.sessionId,
    clientId: session.clientId,
    createdAt: timestampFromMs(session.createdAt),
    lastUsedAt: timestampFromMs(session.lastUsedAt),
    expiresAt: timestampFromMs(session.expiresAt),
    ip: session.ip,
    userAgent: session.userAgent,
    amr: [...session.amr],
    current: session.sessionId === currentSessionId,
  };
}

export function toTokenSet(tokens: TokenSet): MessageInitShape<typeof TokenSetSchema> {
  return {
    accessToken: tokens.accessToken,
    tokenType: "Bearer",
    expiresIn: tokens.expiresInSeconds,
    accessTokenExpiresAt: timestampFromMs(tokens.accessTokenExpiresAt),
    refreshToken: tokens.refreshToken,
    refreshTokenExpiresAt: timestampFromMs(tokens.refreshTokenExpiresAt),
    idToken: tokens.idToken ?? "",
    sessionId: tokens.sessionId,
  };
}

type KeyedRequest = { readonly idempotencyKey: string; readonly customAttributes?: JsonObject | undefined };

/**
 * The idempotency key of a request, with the request in one form for all that mean the same: without the key and unknown fields,
 * objects in the order of their keys (some clients shuffle them at every call).
 */
export function toIdempotency<D extends DescMessage>(schema: D, request: MessageShape<D> & KeyedRequest): Idempotency {
  if (request.idempotencyKey === "") return null;
  const customAttributes = request.customAttributes && (sortKeys(request.customAttributes) as JsonObject);
  const keyless = { ...request, idempotencyKey: "", ...(customAttributes && { customAttributes }) };
  return { key: request.idempotencyKey, request: toBinary(schema, keyless, { writeUnknownFields: false }) };
}

function sortKeys(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
