import { describe, expect, it } from "vitest";
import { Secret } from "../../src/lib/secret.js";
import { createLog } from "../../src/telemetry/log.js";

type Level = Parameters<typeof createLog>[0];

function linesOf(level: Level, pretty: boolean, write: (log: ReturnType<typeof createLog>) => void): string[] {
  let text = "";
  write(
    createLog(level, {
      pretty,
      write: (line) => {
        text += line;
      },
    }),
  );
  return text.split("\n").slice(0, -1);
}

const hostile = "a\nINFO forged\r\u001b[2J\u009b31m\u2028\u202e\u0000";

describe.each([
  ["JSON", false],
  ["pretty", true],
] as const)("%s log", (_, pretty) => {
  it("an event is one line, and nothing in it begins another or drives a terminal", () => {
    const lines = linesOf("info", pretty, (log) =>
      log.warn({ hostile, nested: { hostile }, error: new Error(hostile) }, hostile),
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });

  it("levels below the chosen one are silent", () => {
    const lines = linesOf("warn", pretty, (log) => {
      log.debug({}, "a");
      log.info({}, "b");
      log.warn({}, "c");
      log.error({}, "d");
    });
    expect(lines).toHaveLength(2);
  });

  it("errors have name, message and cause, and a stack at debug level alone", () => {
    const error = new TypeError("outer", { cause: new RangeError("inner") });
    const log = (level: Level) => linesOf(level, pretty, (to) => to.error({ error }, "failed"))[0]!;
    for (const word of ["TypeError", "outer", "RangeError", "inner"]) expect(log("info")).toContain(word);
    expect(log("info")).not.toContain("log.test");
    expect(log("debug")).toContain("log.test");
  });

  it("survives rings, big integers and secrets", () => {
    const ring: Record<string, unknown> = {};
    ring.self = ring;
    const error = new Error("round");
    error.cause = error;
    const lines = linesOf("info", pretty, (log) => log.info({ ring, big: 1n, error, secret: new Secret("hunter2") }, "odd"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("[secret]");
    expect(lines[0]).not.toContain("hunter2");
  });
});

it("a JSON line has level, time, message and fields by name", () => {
  const [line] = linesOf("info", false, (log) => log.info({ method: "SendOtp", ms: 12, text: "a\u009bb" }, "served"));
  expect(JSON.parse(line!)).toMatchObject({ level: "info", msg: "served", method: "SendOtp", ms: 12, text: "a\u009bb" });
  expect(Date.parse(JSON.parse(line!).time)).not.toBeNaN();
});

it("a pretty line cannot have a pair forged inside a value", () => {
  const [line] = linesOf("info", true, (log) => log.info({ name: "x status=ok" }, "served"));
  expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}served name="x status=ok"$/);
});
