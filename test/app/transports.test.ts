import { afterEach, describe, expect, it } from "vitest";
import { scopes } from "../../src/model/scope.js";
import { callers } from "../doors/callers.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { addBackend } from "../support/backend.js";
import { bothEngines } from "../support/engines.js";
import { backendRefusals, lifeRefusals, live, refusalsIn, serve, type Transcript } from "./user-life.js";

const lives = new Map<string, Transcript>();
const services = new Map<string, Transcript>();

describe.each(bothEngines())("on $engine", ({ engine, database }) => {
  let on: TestApp | undefined;
  afterEach(() => on?.stop());

  it.each(Object.entries(callers))("one life of a user and the work of a backend go well over %s", async (name, connect) => {
    on = await startTestApp(await database());
    const caller = connect({ grpcAddress: `127.0.0.1:${on.app.grpcPort}`, webUrl: `http://127.0.0.1:${on.app.httpPort}` });
    const life = await live(on, caller);
    lives.set(`${name}, ${engine}`, life);
    expect(refusalsIn(life)).toEqual(lifeRefusals());
    const backend = { clientId: "backend", scopes: [...scopes], verifyByIdentifier: true };
    const service = await serve(on, caller, await addBackend(on, backend));
    caller.close();
    services.set(`${name}, ${engine}`, service);
    expect(refusalsIn(service)).toEqual(backendRefusals);
  });
});

it("users and backends are answered the same on every transport and engine: results, codes, sentences and details", () => {
  for (const transcripts of [lives, services]) {
    const [first, ...others] = [...transcripts.values()];
    expect(others.length).toBe(7);
    for (const other of others) expect(other).toEqual(first);
  }
});
