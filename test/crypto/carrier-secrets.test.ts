import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCarrierSecrets } from "../../src/crypto/carrier-secrets.js";
import { createHookSecrets } from "../../src/crypto/hook-secrets.js";
import { resealKeys } from "../../src/crypto/own-keys.js";
import { createSealer, type Sealer } from "../../src/crypto/sealing.js";
import type { Store } from "../../src/store/port/store.js";
import { openMemory, ringOf, t0 } from "./fixtures.js";

const settings = { url: "smtp://shop:hunter2@mail.example.com?from=codes@example.com", gateway: "" };

describe("the settings of an app's carrier", () => {
  let store: Store;
  beforeEach(async () => {
    store = await openMemory();
  });
  afterEach(() => store.close());

  const sealer = createSealer(ringOf("m1"));
  const secretsOf = (own: Sealer = sealer) => createCarrierSecrets({ store, sealer: own });

  it("are found by every process, and only their sealed form is stored", async () => {
    const key = await secretsOf().make(settings, t0);
    expect(await secretsOf().find(key.keyId)).toBe(null);
    await store.keys.add({ key });
    expect(await secretsOf().find(key.keyId)).toEqual(settings);
    expect(Buffer.from(key.sealed).toString("latin1")).not.toContain("hunter2");
  });

  it("are not found without their master key, in another row, or as a secret of another use", async () => {
    const key = await secretsOf().make(settings, t0);
    const hook = await createHookSecrets({ store, sealer }).make(t0);
    for (const added of [key, { ...key, keyId: "another" }, hook.key]) await store.keys.add({ key: added });
    expect(await secretsOf(createSealer(ringOf("m2"))).find(key.keyId)).toBe(null);
    expect(await secretsOf().find("another")).toBe(null);
    expect(await secretsOf().find(hook.key.keyId)).toBe(null);
    expect(await createHookSecrets({ store, sealer }).find(key.keyId)).toBe(null);
  });

  it("are sealed again when their master key is retired, and stay the same", async () => {
    const key = await secretsOf().make(settings, t0);
    await store.keys.add({ key });
    await resealKeys(store, createSealer(ringOf("m2", "m1")), { from: "m1", to: "m2" });
    expect(await secretsOf(createSealer(ringOf("m2"))).find(key.keyId)).toEqual(settings);
    expect(await secretsOf().find(key.keyId)).toBe(null);
  });
});
