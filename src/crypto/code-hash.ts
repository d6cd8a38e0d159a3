import argon2 from "argon2";
import type { CodeHash } from "../store/store.js";
import { createHashQueue, type EndedTurn, type HashPriority, type MayLeave, type Turn } from "./hash-queue.js";
import { equalBytes, type Keyring } from "./keyring.js";
import { randomBytes } from "./random.js";

/**
 * Argon2id costs (RFC 9106). `owasp` is the minimum of the OWASP Password Storage Cheat Sheet; `fast` relies on the pepper, as NIST
 * SP 800-63B-4 §3.1.2.2 allows for random secrets.
 */
const profiles = {
  owasp: { memoryCost: 19_456, timeCost: 2, parallelism: 1 },
  fast: { memoryCost: 1_024, timeCost: 1, parallelism: 1 },
} as const;

export type HashProfile = keyof typeof profiles;

/** What a code is good for; a hash made for one binding never matches another. */
export interface CodeBinding {
  readonly challengeId: string;
  readonly purpose: string;
  /** Kind and value of the contact, or empty for a decoy without one. */
  readonly contact: string;
  readonly clientId: string;
}

/** The binding as text, for the hash's associated data and the sealed copy's. Its parts hold no control characters. */
export function bindingText(binding: CodeBinding): string {
  return [binding.challengeId, binding.purpose, binding.contact, binding.clientId].join("\n");
}

/** Hashes in turn with others, by a place in the queue that bounds how many run at once and how many wait. */
export interface HashPlace {
  hash(code: string, binding: CodeBinding): Promise<CodeHash>;
  /** Whether the code is the one that was hashed. A hash of another pepper than the configured ones matches nothing, at equal cost. */
  matches(code: string, binding: CodeBinding, stored: CodeHash): Promise<boolean>;
}

export interface CodeHasher {
  /**
   * Runs `work` with a place among those who hash. Throws HashQueueFullError at once when too many have one already, and then `work`
   * did not run; inside it a hash rejects with the reason of the caller's signal when that aborts while it waits for its turn.
   */
  withPlace<T>(priority: HashPriority, caller: MayLeave, work: (place: HashPlace) => Promise<T>): Promise<T>;
  /** How many have a place and no hash running. */
  waiting(): number;
}

const saltBytes = 16;
const tagBytes = 32;

/**
 * Codes are short, so what protects a stolen table is the pepper (argon2's `secret`), which is not in it; the hash is hygiene. The
 * binding goes in as associated data on both sides: `argon2.verify` would take it from the stored string and so bind nothing.
 */
export function createCodeHasher(options: {
  readonly pepper: Keyring;
  readonly profile: HashProfile;
  readonly concurrency: number;
  readonly onTurn?: (turn: EndedTurn) => void;
}): CodeHasher {
  const { pepper, profile } = options;
  const queue = createHashQueue(options.concurrency, options.onTurn);

  function tagOf(
    code: string,
    binding: CodeBinding,
    how: { profile: HashProfile; pepperId: string; salt: Buffer },
  ): Promise<Buffer> {
    return argon2.hash(code, {
      type: argon2.argon2id,
      raw: true,
      hashLength: tagBytes,
      salt: how.salt,
      secret: pepper.derive(how.pepperId, "code"),
      associatedData: Buffer.from(bindingText(binding)),
      ...profiles[how.profile],
    });
  }

  const placeFor = (turn: Turn): HashPlace => ({
    async hash(code, binding) {
      const salt = randomBytes(saltBytes);
      const pepperId = pepper.currentId;
      return { profile, pepperId, salt, tag: await turn(() => tagOf(code, binding, { profile, pepperId, salt })) };
    },
    async matches(code, binding, stored) {
      const known = pepper.has(stored.pepperId) && Object.hasOwn(profiles, stored.profile);
      const how = known
        ? { profile: stored.profile as HashProfile, pepperId: stored.pepperId, salt: Buffer.from(stored.salt) }
        : { profile, pepperId: pepper.currentId, salt: Buffer.from(stored.salt) };
      const tag = await turn(() => tagOf(code, binding, how));
      return equalBytes(tag, stored.tag) && known;
    },
  });

  return {
    withPlace: (priority, caller, work) => queue.withPlace(priority, caller, (turn) => work(placeFor(turn))),
    waiting: queue.waiting,
  };
}
