import { expect, it, vi } from "vitest";
import { createAbort } from "../../src/rpc/call-context.js";

it("a call that was aborted before anybody looked at its signal shows it aborted, with the first reason", () => {
  const abort = createAbort();
  abort.abort("gone");
  abort.abort("too late");
  expect(abort.signal.aborted).toBe(true);
  expect(abort.signal.reason).toBe("gone");
});

it("who listens to the signal of a call is told once, with the reason", () => {
  const abort = createAbort();
  const told = vi.fn();
  abort.signal.addEventListener("abort", () => told(abort.signal.reason));
  abort.abort("gone");
  abort.abort("again");
  expect(told.mock.calls).toEqual([["gone"]]);
});

it("the signal of a call is always the same", () => {
  const abort = createAbort();
  expect(abort.signal).toBe(abort.signal);
});
