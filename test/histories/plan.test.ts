import fc from "fast-check";
import { expect, it } from "vitest";
import { planArbitrary, plansOf as plansOfSeed, subjectOf } from "./plan.js";

const plansOf = (seed: number) => fc.sample(fc.noBias(planArbitrary(3)), { seed, numRuns: 400 });

it("a seed makes the same plans again, and another seed others", () => {
  expect(plansOf(7)).toEqual(plansOf(7));
  expect(plansOf(7)).not.toEqual(plansOf(8));
});

it("some plans in a hundred kill a process, all others none", () => {
  const kills = plansOf(7).filter(({ kill }) => kill !== null).length;
  expect(kills).toBeGreaterThan(0);
  expect(kills).toBeLessThan(40);
});

it("steps are spread over processes and workers, and some are cut", () => {
  const steps = plansOf(7).flatMap((plan) => plan.steps);
  expect(new Set(steps.map(({ process }) => process))).toEqual(new Set([0, 1, 2]));
  expect(new Set(steps.map(({ worker }) => worker)).size).toBe(8);
  expect(steps.some(({ cutMs, door }) => cutMs !== null && door === "web")).toBe(true);
  expect(steps.some(({ cutMs, door }) => cutMs !== null && door === "grpc")).toBe(true);
});

it("every fourth seed has a plan about people, in which all that can be done to them comes", () => {
  const seeds = Array.from({ length: 400 }, (_, seed) => seed);
  const plans = seeds.map((seed) => fc.sample(fc.noBias(plansOfSeed(seed, 3)), { seed, numRuns: 1 })[0]!);
  const people = plans.filter(({ prelude }) => prelude.people !== undefined);
  expect(people).toHaveLength(100);
  expect(seeds.filter((seed) => subjectOf(seed) === "people")).toHaveLength(100);
  const kinds = new Set(people.flatMap(({ steps }) => steps.map(({ todo }) => todo.kind)));
  const expected = ["startChange", "proveChange", "create", "invite", "find", "get", "lock", "unlock", "remove", "deleteUser"];
  for (const kind of [...expected, "addContact", "removeContact", "send", "verify", "refresh", "use"])
    expect(kinds).toContain(kind);
});
