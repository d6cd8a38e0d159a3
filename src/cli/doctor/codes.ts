import type { Policy } from "../../auth/policy.js";
import type { Settings } from "../../config.js";
import { hashConcurrency, keyringsOf } from "../../core.js";
import { type CodeHasher, createCodeHasher } from "../../crypto/code-hash.js";
import { type Finding, ok, warning } from "./finding.js";

const day = 24 * 60 * 60_000;
const mega = 1024 * 1024;
/** Above it, people notice a sign-in's two hashes. */
const slowMs = 250;

/** What guessing can win, as the budgets enforce it. */
export function guessing({ guessesPerIdentifier, codeLength }: Policy): Finding {
  const perDay = Math.min(...guessesPerIdentifier.map(({ max, windowMs }) => max * Math.max(day / windowMs, 1)));
  const chance = perDay / 10 ** codeLength;
  return ok(`P(guess) per identifier and day = ${perDay} / 10^${codeLength} = ${chance.toExponential(1)}, enforced`);
}

/** Hashes as many codes at once as the service would, and measures time and memory. */
export async function checkHashing(settings: Settings): Promise<readonly Finding[]> {
  const concurrency = hashConcurrency(settings.codeHash);
  const hasher = createCodeHasher({ pepper: keyringsOf(settings).pepper, profile: settings.codeHash, concurrency });
  const rounds = 4;
  const startedAt = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    await Promise.all(Array.from({ length: concurrency }, () => hashOne(hasher)));
  }
  const eachMs = (performance.now() - startedAt) / rounds;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const text =
    `argon2id ${settings.codeHash}: ${eachMs.toFixed(1)} ms each, ${concurrency} at once, ` +
    `${Math.round((concurrency * 1000) / eachMs)} a second, ${Math.round(peakBytes / mega)} MB of memory with all of them`;
  return [eachMs > slowMs ? warning(`${text}: this machine is slow or busy`) : ok(text)];
}

async function hashOne(hasher: CodeHasher): Promise<void> {
  const binding = { challengeId: "doctor", purpose: "doctor", contact: "", clientId: "doctor" };
  await hasher.withSlot("send", new AbortController(), (slot) => slot.hash("000000", binding));
}
