import { beforeEach, describe, expect, it } from "vitest";
import { type Breaker, createBreaker } from "../../../src/store/postgres/breaker.js";

describe("the breaker", () => {
  let now: number;
  let breaker: Breaker;
  beforeEach(() => {
    now = 1_000;
    breaker = createBreaker(() => now);
  });

  const fail = (count: number): void => {
    for (let n = 0; n < count; n += 1) breaker.failed();
  };

  it("admits everybody while failures are few or have answers between them", () => {
    fail(4);
    expect(breaker.admits()).toBe(true);
    breaker.answered();
    fail(4);
    expect([breaker.admits(), breaker.admits()]).toEqual([true, true]);
  });

  it("admits nobody after five failures in a row, and then one caller every 250 ms", () => {
    fail(5);
    expect(breaker.admits()).toBe(false);
    now += 249;
    expect(breaker.admits()).toBe(false);
    now += 1;
    expect([breaker.admits(), breaker.admits()]).toEqual([true, false]);
    now += 250;
    expect([breaker.admits(), breaker.admits()]).toEqual([true, false]);
  });

  it("admits everybody as soon as one of them had an answer", () => {
    fail(20);
    now += 250;
    expect(breaker.admits()).toBe(true);
    breaker.answered();
    expect([breaker.admits(), breaker.admits(), breaker.admits()]).toEqual([true, true, true]);
  });

  it("rests again when the one caller fails", () => {
    fail(5);
    now += 250;
    breaker.admits();
    now += 100;
    breaker.failed();
    now += 249;
    expect(breaker.admits()).toBe(false);
    now += 1;
    expect(breaker.admits()).toBe(true);
  });
});
