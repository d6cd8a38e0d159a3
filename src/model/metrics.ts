import type { Challenge, ChallengeRefusal } from "./challenge.js";
import type { KeyName, KeyWork } from "./key.js";

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
