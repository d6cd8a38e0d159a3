import type { Settings } from "../../config/settings.js";
import { type CodeHasher, createCodeHasher, type HashProfile, hashProfiles } from "../../crypto/code-hash.js";
import { guessChance, guessesPerDay, type Policy } from "../../model/policy.js";
import { hashConcurrency, keyringsOf } from "../../server/core.js";
import { type Finding, ok, warning } from "./finding.js";

const mega = 1024 * 1024;
/** Above this, people notice the two hashes of a sign-in. */
const slowMs = 250;

/** Reports the chance of guessing a code, as limited by the budgets. */
export function guessing(policy: Policy): Finding {
  const chance = guessChance(policy).toExponential(1);
  return ok(`P(guess) per identifier and day = ${guessesPerDay(policy)} / 10^${policy.codeLength} = ${chance}, enforced`);
}

/** The reason to choose each profile. */
const reasons: Record<HashProfile, string> = {
  fast: "The pepper protects a stolen database. A slower hash helps only if the pepper is stolen too, and then for minutes at most",
  owasp: "For rules that name OWASP's minimum: the default, fast, allows many times the sign-ins and relies on the pepper",
};

/** Hashes as many codes at once as the service would. Reports the profile, its cost on this machine, and its reason. */
export async function checkHashing(settings: Settings): Promise<readonly Finding[]> {
  const profile = settings.codeHash;
  const { memoryCost, timeCost } = hashProfiles[profile];
  const concurrency = hashConcurrency(profile);
  const hasher = createCodeHasher({ pepper: keyringsOf(settings).pepper, profile, concurrency });
  const rounds = 4;
  const startedAt = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    await Promise.all(Array.from({ length: concurrency }, () => hashOne(hasher)));
  }
  const eachMs = (performance.now() - startedAt) / rounds;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const perSecond = (concurrency * 1000) / eachMs;
  const text =
    `LATCHKEY_CODE_HASH=${profile} (argon2id, ${memoryCost / 1024} MiB, t=${timeCost}): ${concurrency} hashes at once in ` +
    `${eachMs.toFixed(1)} ms, ${Math.round(perSecond)} a second, so at most ${Math.round(perSecond / 2)} sign-ins a second on this ` +
    `machine; ${Math.round(peakBytes / mega)} MB of memory with all of them. ${reasons[profile]}`;
  return [eachMs > slowMs ? warning(`${text}. This machine is slow or busy`) : ok(text)];
}

async function hashOne(hasher: CodeHasher): Promise<void> {
  const binding = { challengeId: "doctor", purpose: "doctor", contact: "", clientId: "doctor" };
  await hasher.withSlot(new AbortController(), (slot) => slot.hash("000000", binding));
}
