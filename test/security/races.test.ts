import { describe } from "vitest";
import { type CodeHasher, createCodeHasher, type HashSlot } from "../../src/crypto/code-hash.js";
import { createKeyring } from "../../src/crypto/keyring.js";
import { startTestApp } from "../support/app.js";
import { testEngines } from "../support/engines.js";
import { races } from "./races.js";

/** The real hasher, counting how often a guess was compared. */
function countingHasher(): CodeHasher & { readonly compared: () => number } {
  let compared = 0;
  const pepper = createKeyring([{ id: "1", key: Buffer.alloc(32, 7) }]);
  const hasher = createCodeHasher({ pepper, profile: "fast", concurrency: 4 });
  return {
    waiting: hasher.waiting,
    compared: () => compared,
    withSlot: (priority, caller, work) =>
      hasher.withSlot(priority, caller, (slot) => {
        const counting: HashSlot = {
          hash: slot.hash,
          matches(code, binding, stored) {
            compared += 1;
            return slot.matches(code, binding, stored);
          },
        };
        return work(counting);
      }),
  };
}

describe.each(testEngines())("races over the wire on $engine", ({ database }) => {
  races(async () => {
    const codes = countingHasher();
    const on = await startTestApp(await database(), { codes });
    return { ...on, processes: 1, compared: async () => codes.compared() };
  });
});
