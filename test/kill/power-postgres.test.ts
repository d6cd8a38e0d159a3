import { afterAll, beforeAll, expect, it } from "vitest";
import { checkPostgres } from "../../src/cli/doctor/postgres.js";
import { openStore } from "../../src/store/open.js";
import { describeLossOfPower } from "../store/power/loss-of-power.js";
import { type PostgresDisk, startPostgresDisk } from "../store/power/postgres-disk.js";

let disk: PostgresDisk;
beforeAll(async () => {
  disk = await startPostgresDisk();
});
afterAll(() => disk.stop());

it("doctor warns of a server that may take longer than a second to flush what waits for no disk", async () => {
  const { findings } = await checkPostgres(disk.location);
  expect(findings.map(({ text }) => text).join("\n")).toContain(
    "after a loss of power the last 30 s of sends and guesses may be lost: set wal_writer_delay to 333ms or less",
  );
});

describeLossOfPower("PostgreSQL", async () => {
  const open = () => openStore(disk.location, { inFlight: () => 0 });
  let store = await open();
  return {
    store,
    async cut() {
      const before = store;
      await disk.cut();
      await before.close();
      store = await open();
      return store;
    },
    close: () => store.close(),
  };
});
