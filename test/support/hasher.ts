import { type CodeHasher, createCodeHasher, type HashSlot } from "../../src/crypto/code-hash.js";
import { createKeyring } from "../../src/crypto/keyring.js";

/** The real hasher, which runs `before` before it compares a code. */
export function watchedHasher(before: () => void | Promise<void>): CodeHasher {
  const pepper = createKeyring([{ id: "1", key: Buffer.alloc(32, 7) }]);
  const hasher = createCodeHasher({ pepper, profile: "fast", concurrency: 4 });
  return {
    waiting: hasher.waiting,
    withSlot: (priority, caller, work) =>
      hasher.withSlot(priority, caller, (slot) => {
        const watched: HashSlot = {
          hash: slot.hash,
          async matches(code, binding, stored) {
            await before();
            return await slot.matches(code, binding, stored);
          },
        };
        return work(watched);
      }),
  };
}
