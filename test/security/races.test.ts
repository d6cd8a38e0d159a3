import { describe } from "vitest";
import { startTestApp } from "../support/app.js";
import { bothEngines } from "../support/engines.js";
import { watchedHasher } from "../support/hasher.js";
import { races } from "./races.js";

describe.each(bothEngines())("races over the wire on $engine", ({ database }) => {
  races(async () => {
    let compared = 0;
    const codes = watchedHasher(() => {
      compared += 1;
    });
    const on = await startTestApp(await database(), { codes });
    return { ...on, processes: 1, compared: async () => compared };
  }, 3);
});
