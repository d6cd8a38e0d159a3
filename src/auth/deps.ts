import type { AccessTokens } from "../crypto/access-token.js";
import type { CodeHasher } from "../crypto/code-hash.js";
import type { ForeignKeys, KeyName, KeyWork } from "../crypto/foreign-keys.js";
import type { LookupKeys } from "../crypto/lookup-keys.js";
import type { RefreshTokens } from "../crypto/refresh-token.js";
import type { RequestMac } from "../crypto/request-mac.js";
import type { Sealer } from "../crypto/sealing.js";
import type { Challenge, ChallengeRefusal, EpochMs, Session, Store, User } from "../store/store.js";
import type { Policy } from "../model/policy.js";
import type { SingleFlight } from "./single-flight.js";

/** What goes to the operator. `fields` never holds a code, a token, a key or an unmasked identifier. */
export interface Log {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** An allowance whose end refused a call. */
export type Budget = "send" | "resend" | "registration" | "guess";

/** What use cases tell of for counting. */
export interface Metrics {
  challengeIssued(challenge: Pick<Challenge, "purpose" | "channel">, decoy: boolean): void;
  challengeResent(challenge: Pick<Challenge, "purpose" | "channel">): void;
  challengeRedeemed(challenge: Pick<Challenge, "purpose" | "channel">): void;
  guessRefused(why: ChallengeRefusal): void;
  budgetRefused(budget: Budget): void;
  /** A refresh token came back after its time, and its session was ended. */
  refreshTokenReused(): void;
  /** Work was left to other processes because this one lacks a key. */
  keyMissing(use: KeyName["use"], work: KeyWork): void;
}

/** Everything that a use case works with; made once, in `app.ts`. */
export interface Deps {
  readonly clock: () => EpochMs;
  readonly store: Store;
  readonly codes: CodeHasher;
  readonly sealer: Sealer;
  readonly lookup: LookupKeys;
  readonly foreignKeys: ForeignKeys;
  readonly accessTokens: AccessTokens;
  readonly refreshTokens: RefreshTokens;
  readonly requestMac: RequestMac;
  readonly singleFlight: SingleFlight;
  readonly policy: Policy;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Tells the outbox that a commit put something into it that is due then. */
  readonly wakeOutbox: (dueAt: EpochMs) => void;
}

/** Who calls: a client, from a network address. */
export interface Caller {
  readonly clientId: string;
  /** Canonical: IPv4 dotted, IPv6 lower-case and compressed, never an IPv4-mapped IPv6 address. */
  readonly address: string;
  /** What the device calls itself, at most 256 characters without control characters. */
  readonly userAgent: string;
  readonly correlationId: string;
  /** Aborted when the caller went away or the deadline passed. */
  readonly signal: AbortSignal;
}

/** A signed-in user calling through a client. */
export interface UserCaller extends Caller {
  readonly session: Session;
  readonly user: User;
}

/** A caller's idempotency key with the request it came in, serialized without the key; null when there is no key. */
export type Idempotency = { readonly key: string; readonly request: Uint8Array } | null;

/** Tokens as they are given to the caller, once. */
export interface TokenSet {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: EpochMs;
  readonly expiresInSeconds: number;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: EpochMs;
  /** Null after a refresh. */
  readonly idToken: string | null;
  readonly sessionId: string;
}
