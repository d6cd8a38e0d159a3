import { fixedPolicy } from "../../src/model/policy.js";
import { developmentEnv, type Env } from "../support/server.js";
import type { Limits } from "./history.js";

/** Settings that histories run with. They decide what can happen in the fraction of a second that one takes. */
export interface Profile {
  readonly cooldownMs: number;
  readonly graceMs: number;
}

/** Without a cooldown budgets can be reached; with one as long as a history nobody may send twice. */
const profiles: readonly Profile[] = [
  { cooldownMs: 0, graceMs: 10_000 },
  { cooldownMs: 0, graceMs: 0 },
  { cooldownMs: 3_000, graceMs: 10_000 },
];

/** Servers are started anew for another profile, so neighbouring seeds have the same. */
const neighbours = 64;

/** The profile belongs to the seed of a history, as its plan does. */
export function profileOf(seed: number): Profile {
  return profiles[Math.floor(seed / neighbours) % profiles.length]!;
}

/** What all processes of a fleet run with: development, where times may be short and codes can be read. */
export function createEnv(databaseUrl: string): Env {
  return {
    ...developmentEnv(),
    LATCHKEY_DATABASE_URL: databaseUrl,
    // Callers say whom they ask for, as a proxy would.
    LATCHKEY_TRUSTED_PROXIES: "127.0.0.1",
  };
}

export function envOf({ cooldownMs, graceMs }: Profile): Env {
  return { LATCHKEY_RESEND_COOLDOWN: `${cooldownMs}ms`, LATCHKEY_REFRESH_GRACE: `${graceMs}ms` };
}

export function limitsOf({ cooldownMs, graceMs }: Profile): Limits {
  const perHour = (limits: readonly { readonly max: number }[]) => limits[0]!.max;
  return {
    attemptsMax: fixedPolicy.attemptsMax,
    sendsMax: fixedPolicy.sendsMax,
    guessesPerRequester: perHour(fixedPolicy.guessesPerRequester),
    guessesPerIdentifier: perHour(fixedPolicy.guessesPerIdentifier),
    sendsPerRequester: perHour(fixedPolicy.sendsPerRequester),
    sendsPerIdentifier: perHour(fixedPolicy.sendsPerIdentifier),
    livePerRequester: fixedPolicy.liveChallengesPerRequesterMax,
    livePerIdentifier: fixedPolicy.liveChallengesMax,
    // The hold is drawn from a tenth less to a tenth more, and rounded.
    cooldownMsMin: cooldownMs * 0.9 - 1,
    graceMs,
  };
}
