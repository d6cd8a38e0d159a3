import { afterEach, describe, expect, it } from "vitest";
import { callers } from "../doors/callers.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { testEngines } from "../support/engines.js";
import { lifeRefusals, live, refusalsIn, type Transcript } from "./user-life.js";

const transcripts = new Map<string, Transcript>();

describe.each(testEngines())("one life of a user on $engine", ({ engine, database }) => {
  let on: TestApp | undefined;
  afterEach(() => on?.stop());

  it.each(Object.entries(callers))("goes well over %s", async (name, connect) => {
    on = await startTestApp(await database());
    const caller = connect({ grpcAddress: `127.0.0.1:${on.app.grpcPort}`, webUrl: `http://127.0.0.1:${on.app.httpPort}` });
    const transcript = await live(on, caller);
    caller.close();
    transcripts.set(`${name}, ${engine}`, transcript);
    expect(refusalsIn(transcript)).toEqual(lifeRefusals());
  });
});

it("a user's life is answered the same on every transport and engine: results, codes, sentences and details", () => {
  const [first, ...others] = [...transcripts.values()];
  expect(others.length).toBe(7);
  for (const other of others) expect(other).toEqual(first);
});
