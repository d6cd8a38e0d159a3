import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../../src/store/port/store.js";
import { times } from "../contract/fixtures.js";
import { company, endOutstanding, flushedActs, named, unflushedActs } from "./acts.js";

/** A store whose power can be cut. */
export interface Powered {
  readonly store: Store;
  /** Cuts the power, so that everything is lost that was not flushed, and gives the store that comes up again. */
  cut(): Promise<Store>;
  close(): Promise<void>;
}

/** What an engine keeps of the port's promises when it loses power. */
export function describeLossOfPower(name: string, open: () => Promise<Powered>): void {
  describe(`loss of power on ${name}`, () => {
    let powered: Powered;
    beforeEach(async () => {
      powered = await open();
    });
    afterEach(() => powered.close());

    it.each(named([...flushedActs, endOutstanding]))("never forgets %s that was answered", async (_, { prepare }) => {
      const { act, promise } = await prepare(powered.store);
      await act();
      await promise(await powered.cut());
    });

    it.each(named(unflushedActs))(
      "forgets %s of the last moment, which waits for no disk, and never after a flush",
      async (_, one) => {
        const forgotten = await one.prepare(powered.store);
        await forgotten.act();
        const store = await powered.cut();
        await expect(forgotten.promise(store)).rejects.toThrow();
        const remembered = await one.prepare(store);
        await remembered.act();
        // Any operation that flushes takes everything before it along.
        const { act, promise } = await flushedActs[0]!.prepare(store);
        await act();
        const after = await powered.cut();
        await promise(after);
        await remembered.promise(after);
      },
    );

    it("never forgets any of many that were answered at once, in common commits with what may be forgotten", async () => {
      const prepared = await Promise.all(flushedActs.map((one) => one.prepare(powered.store)));
      await Promise.all(prepared.flatMap(({ act }) => [act(), company(powered.store)]));
      await Promise.all(times(10, () => company(powered.store)));
      const store = await powered.cut();
      for (const { promise } of prepared) await promise(store);
    });
  });
}
