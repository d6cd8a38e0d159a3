import { randomBytes } from "node:crypto";
import argon2 from "argon2";
import type { CodeHash } from "../model/challenge.js";
import { createHashQueue, type MayLeave } from "./hash-queue.js";
import { equalBytes, type Keyring } from "./keyring.js";

/**
 * Argon2id costs (RFC 9106), memory in KiB. `fast` is the default and relies on the pepper: NIST SP 800-63B-4 §3.1.2.2 allows a small
 * work factor for random secrets. `owasp` is the minimum of the OWASP Password Storage Cheat Sheet.
 */
export const hashProfiles = {
  fast: { memoryCost: 1_024, timeCost: 1, parallelism: 1 },
  owasp: { memoryCost: 19_456, timeCost: 2, parallelism: 1 },
} as const;

export type HashProfile = keyof typeof hashProfiles;

/** The values that a code is bound to. A hash made for one binding never matches another. */
export interface CodeBinding {
  readonly challengeId: string;
  readonly purpose: string;
  /** Kind and value of the contact. Empty for a decoy without one. */
  readonly contact: string;
  readonly clientId: string;
}

/** The binding as text: the associated data of the hash and of the sealed code. Its parts contain no control characters. */
export function bindingText(binding: CodeBinding): string {
  return [binding.challengeId, binding.purpose, binding.contact, binding.clientId].join("\n");
}

/** Hashes the codes of a send, within one slot of the queue. */
export interface HashSlot {
  hash(code: string, binding: CodeBinding): Promise<CodeHash>;
}

/** Compares the code of a verify, which has a place in the queue. */
export interface VerifyPlace {
  /**
   * Waits for a slot and returns whether `code` is the code that was hashed. A hash made with a pepper that is not configured
   * never matches; it costs the same.
   */
  matches(code: string, binding: CodeBinding, stored: CodeHash): Promise<boolean>;
}

/** Records waiting and hashing times, in milliseconds. */
export interface HashMeasure {
  waited(ms: number): void;
  hashed(ms: number): void;
}

/**
 * Throws HashQueueFullError at once if too many callers already have a place in the queue; `work` did not run. Rejects with the
 * caller's abort reason if the caller leaves while it waits for a slot.
 */
export interface CodeHasher {
  /** Waits for a slot and runs `work` in it. */
  withSlot<T>(caller: MayLeave, work: (slot: HashSlot) => Promise<T>): Promise<T>;
  /** Runs `work` with a place in the queue. So the attempt that it spends is compared, unless the caller leaves. */
  withPlace<T>(caller: MayLeave, work: (place: VerifyPlace) => Promise<T>): Promise<T>;
  /** Returns how many callers wait for a slot. */
  waiting(): number;
}

const saltBytes = 16;
const tagBytes = 32;

/**
 * Codes are short, so the pepper (argon2's `secret`) is what protects a stolen table: it is stored elsewhere. The work factor
 * adds minutes at most, and only against a thief who also has the pepper. The binding is the associated data when hashing and
 * when verifying. `argon2.verify` would read it from the stored string and so bind nothing.
 */
export function createCodeHasher(options: {
  readonly pepper: Keyring;
  readonly profile: HashProfile;
  readonly concurrency: number;
  /** Called for every wait for a slot and for every hash. */
  readonly measure?: HashMeasure;
}): CodeHasher {
  const { pepper, profile, measure } = options;
  const queue = createHashQueue(options.concurrency, measure?.waited);

  async function tagOf(
    code: string,
    binding: CodeBinding,
    how: { profile: HashProfile; pepperId: string; salt: Buffer },
  ): Promise<Buffer> {
    const startedAt = performance.now();
    const tag = await argon2.hash(code, {
      type: argon2.argon2id,
      raw: true,
      hashLength: tagBytes,
      salt: how.salt,
      secret: pepper.derive(how.pepperId, "code"),
      associatedData: Buffer.from(bindingText(binding)),
      ...hashProfiles[how.profile],
    });
    measure?.hashed(performance.now() - startedAt);
    return tag;
  }

  const slot: HashSlot = {
    async hash(code, binding) {
      const salt = randomBytes(saltBytes);
      const pepperId = pepper.currentId;
      return { profile, pepperId, salt, tag: await tagOf(code, binding, { profile, pepperId, salt }) };
    },
  };

  async function matches(code: string, binding: CodeBinding, stored: CodeHash): Promise<boolean> {
    const known = pepper.has(stored.pepperId) && Object.hasOwn(hashProfiles, stored.profile);
    const how = known
      ? { profile: stored.profile as HashProfile, pepperId: stored.pepperId }
      : { profile, pepperId: pepper.currentId };
    const tag = await tagOf(code, binding, { ...how, salt: Buffer.from(stored.salt) });
    return equalBytes(tag, stored.tag) && known;
  }

  return {
    withSlot: (caller, work) => queue.send(caller, () => work(slot)),
    withPlace: (caller, work) =>
      queue.verify(caller, (place) => work({ matches: (...given) => place.run(() => matches(...given)) })),
    waiting: queue.waiting,
  };
}
