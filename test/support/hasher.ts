import { type CodeHasher, createCodeHasher } from "../../src/crypto/code-hash.js";
import { createKeyring } from "../../src/crypto/keyring.js";

/** The real hasher, which runs `before` before it compares a code. */
export function watchedHasher(before: () => void | Promise<void>): CodeHasher {
  const pepper = createKeyring([{ id: "1", key: Buffer.alloc(32, 7) }]);
  const hasher = createCodeHasher({ pepper, profile: "fast", concurrency: 4 });
  return {
    waiting: hasher.waiting,
    withSlot: hasher.withSlot,
    withPlace: (caller, work) =>
      hasher.withPlace(caller, (place) =>
        work({
          async matches(code, binding, stored) {
            await before();
            return await place.matches(code, binding, stored);
          },
        }),
      ),
  };
}
