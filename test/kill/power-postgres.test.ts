import { afterAll, beforeAll, expect, it } from "vitest";
import { checkPostgres } from "../../src/cli/doctor/postgres.js";
import { openStore } from "../../src/store/open.js";
import { describeLossOfPower } from "../store/power/loss-of-power.js";
import { type PostgresDisk, poweredBy, startPostgresDisk } from "../store/power/postgres-disk.js";

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

describeLossOfPower("PostgreSQL", () => poweredBy(disk, () => openStore(disk.location, { inFlight: () => 0 })));
