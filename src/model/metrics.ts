import type { Challenge, ChallengeRefusal } from "./challenge.js";
import type { KeyName, KeyWork } from "./key.js";

/** The budgets that can refuse a call. */
export type Budget =
  | "send"
  | "resend"
  | "registration"
  | "guess"
  | "unblock"
  | "client_failure"
  | "address"
  | "client"
  | "prefix"
  | "country"
  | "app"
  | "sms"
  | "email"
  /** The number of a known user, which the request did not name: the message was not sent, and the call not refused. */
  | "hidden_number";

/** The outcome of a call of a registration hook. `failed`: there was no valid answer. */
export const hookOutcomes = ["allowed", "refused", "failed"] as const;
export type HookOutcome = (typeof hookOutcomes)[number];

/** What a report of "this was not me" ended, or that it took a contact back. `forged`: its token was not made here. */
export const notMeOutcomes = ["session", "challenge", "contact", "nothing", "forged"] as const;
export type NotMeOutcome = (typeof notMeOutcomes)[number];

/** Receives the events that use cases report for metrics. */
export interface Metrics {
  challengeIssued(challenge: Pick<Challenge, "purpose" | "channel">, decoy: boolean): void;
  challengeResent(challenge: Pick<Challenge, "purpose" | "channel">): void;
  challengeRedeemed(challenge: Pick<Challenge, "purpose" | "channel">): void;
  guessRefused(why: ChallengeRefusal): void;
  budgetRefused(budget: Budget): void;
  /** A refresh token was reused after its grace period, and its session was ended. */
  refreshTokenReused(): void;
  notMeReported(outcome: NotMeOutcome): void;
  registrationHookEnded(outcome: HookOutcome, tookMs: number): void;
  /** Work was left to other processes because this process lacks a key. */
  keyMissing(use: KeyName["use"], work: KeyWork): void;
}
