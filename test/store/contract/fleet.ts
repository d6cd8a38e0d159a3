import { expect, it } from "vitest";
import type { EpochMs } from "../../../src/model/time.js";
import type { ServingProcess } from "../../../src/store/port/processes.js";
import { bytes, minute, type Scene, t0, times, unique } from "./fixtures.js";

/** A process that has the keys 1 and, if `has2`, 2 of both uses, and writes with 1. */
export function newProcess(given: { readonly has2?: boolean; readonly host?: string } = {}): ServingProcess {
  const ids = given.has2 === false ? ["1"] : ["1", "2"];
  return {
    processId: unique("process"),
    host: given.host ?? "web-1",
    pid: 4711,
    addresses: ["127.0.0.1:50051", "127.0.0.1:8080"],
    version: "1.2.3",
    keyIds: { master: ids, pepper: ids },
    writesWith: { master: "1", pepper: "1" },
    startedAt: t0,
  };
}

/** The processes that serve a deployment, and the keys that they make new data with. */
export function fleet(scene: Scene): void {
  const checkOf = (use: string, keyId: string) => bytes(`${use} ${keyId}`, 32);
  const addChecks = async (): Promise<void> => {
    for (const use of ["master", "pepper"] as const) {
      for (const keyId of ["1", "2"]) await scene.store.keys.addCheck({ use, keyId, check: checkOf(use, keyId) });
    }
  };
  const promote = (keyId: string, seenAfter: EpochMs = t0 - minute) =>
    scene.store.keys.promote({ use: "pepper", keyId, check: checkOf("pepper", keyId), seenAfter });

  it("a process is listed as it last described itself, until it leaves or is forgotten", async () => {
    const { processes } = scene.store;
    const [first, second] = [newProcess({ host: "web-1" }), newProcess({ host: "web-2" })];
    expect(await processes.list()).toEqual([]);
    await processes.beat({ ...second, now: t0 });
    await processes.beat({ ...first, now: t0 });
    const later = { ...first, writesWith: { master: "2", pepper: "1" }, addresses: ["[::1]:1"] };
    await processes.beat({ ...later, now: t0 + minute });
    expect(await processes.list()).toEqual([
      { ...later, seenAt: t0 + minute },
      { ...second, seenAt: t0 },
    ]);
    await processes.forget({ before: t0 + 1 });
    expect(await processes.list()).toEqual([{ ...later, seenAt: t0 + minute }]);
    await processes.leave(first.processId);
    await processes.leave(first.processId);
    expect(await processes.list()).toEqual([]);
  });

  it("the first choice of a current key stands: of 20 racers one decides, and all learn which", async () => {
    const { keys } = scene.store;
    await addChecks();
    expect(await keys.findCurrent()).toEqual({ master: null, pepper: null });
    const chosen = await Promise.all(times(20, (n) => keys.chooseCurrent({ use: "master", keyId: n % 2 === 0 ? "1" : "2" })));
    expect(new Set(chosen).size).toBe(1);
    expect(await keys.findCurrent()).toEqual({ master: chosen[0], pepper: null });
    expect(await scene.store.processes.beat({ ...newProcess(), now: t0 })).toEqual({ master: chosen[0], pepper: null });
  });

  it("a key is promoted once each live process has it; a lost one does not count", async () => {
    await addChecks();
    await scene.store.keys.chooseCurrent({ use: "pepper", keyId: "1" });
    const [able, lacking] = [newProcess(), newProcess({ has2: false })];
    await scene.store.processes.beat({ ...able, now: t0 });
    await scene.store.processes.beat({ ...lacking, now: t0 });
    expect(await promote("2")).toEqual({ kind: "lacking", processes: [{ ...lacking, seenAt: t0 }] });
    expect((await scene.store.keys.findCurrent()).pepper).toBe("1");
    await scene.store.processes.beat({ ...able, now: t0 + minute });
    expect(await promote("2", t0)).toEqual({ kind: "promoted" });
    expect(await scene.store.keys.findCurrent()).toEqual({ master: null, pepper: "2" });
    expect(await scene.store.processes.beat({ ...able, now: t0 + minute })).toEqual({ master: null, pepper: "2" });
  });

  it("a promotion adds the check value of a new key, unless a live process lacks the key", async () => {
    const { keys, processes } = scene.store;
    await addChecks();
    await keys.chooseCurrent({ use: "pepper", keyId: "1" });
    await processes.beat({ ...newProcess(), now: t0 });
    const before = await keys.listChecks();
    expect((await promote("3")).kind).toBe("lacking");
    expect(await keys.listChecks()).toEqual(before);
    expect(await promote("3", t0)).toEqual({ kind: "promoted" });
    expect((await keys.findCurrent()).pepper).toBe("3");
    expect(await keys.listChecks()).toContainEqual({ use: "pepper", keyId: "3", check: checkOf("pepper", "3") });
  });

  it("another key than the database knows by its id is not promoted; the current key is not promoted again", async () => {
    const { keys } = scene.store;
    await addChecks();
    await keys.chooseCurrent({ use: "pepper", keyId: "1" });
    const wrong = { use: "pepper", keyId: "2", check: checkOf("pepper", "other"), seenAfter: t0 } as const;
    expect(await keys.promote(wrong)).toEqual({ kind: "wrong" });
    expect(await promote("1")).toEqual({ kind: "current" });
    expect((await keys.findCurrent()).pepper).toBe("1");
  });

  it("the check value of the current key is not deleted", async () => {
    await addChecks();
    const [key, other] = ["1", "2"].map((keyId) => ({ use: "pepper", keyId }) as const);
    await scene.store.keys.chooseCurrent(key!);
    expect(await scene.store.keys.deleteCheck(key!)).toBe(false);
    expect(await scene.store.keys.deleteCheck(other!)).toBe(true);
    const left = (await scene.store.keys.listChecks()).filter(({ use }) => use === "pepper");
    expect(left.map(({ keyId }) => keyId)).toEqual(["1"]);
  });

  it("of a promotion and the first beat of a process without the key, one sees the other", async () => {
    await addChecks();
    for (let round = 0; round < 20; round += 1) {
      const [before, after] = round % 2 === 0 ? ["1", "2"] : ["2", "1"];
      await scene.store.keys.chooseCurrent({ use: "pepper", keyId: before! });
      const late = newProcess();
      const lacking = { ...late, keyIds: { master: ["1", "2"], pepper: [before!] } };
      const [promotion, current] = await Promise.all([
        promote(after!, t0 - 1),
        scene.store.processes.beat({ ...lacking, now: t0 }),
      ]);
      expect([promotion.kind, current.pepper]).not.toEqual(["promoted", before]);
      await scene.store.processes.leave(late.processId);
      if (promotion.kind === "lacking") expect(await promote(after!)).toEqual({ kind: "promoted" });
    }
  });
}
