// How many hashes a second this machine gives when it does nothing else, with the parameters of `src/crypto/code-hash.ts`.
import { randomBytes } from "node:crypto";
import argon2 from "argon2";

const profiles = {
  owasp: { memoryCost: 19_456, timeCost: 2, parallelism: 1 },
  fast: { memoryCost: 1_024, timeCost: 1, parallelism: 1 },
};

async function hashes({ profile, concurrency, ms }) {
  const common = { type: argon2.argon2id, raw: true, hashLength: 32, secret: randomBytes(32) };
  const endsAt = performance.now() + ms;
  let count = 0;
  async function worker() {
    while (performance.now() < endsAt) {
      await argon2.hash("123456", { ...common, salt: randomBytes(16), associatedData: randomBytes(80), ...profiles[profile] });
      count += 1;
    }
  }
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { count, seconds: (performance.now() - startedAt) / 1000 };
}

globalThis.answer({ ready: () => ({}), hashes });
process.on("SIGTERM", () => process.exit());
