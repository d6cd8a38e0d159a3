import { describe, expect, test } from "vitest";
import { createConsoleProvider } from "../../../src/delivery/taps/console.js";
import { createInbox } from "../../../src/delivery/taps/inbox.js";
import { message } from "../fixtures.js";
import { describeCarrier, describeProvider } from "./contract.js";
import { startSmtpCarrier } from "./smtp-carrier.js";

describeProvider("inbox", async () => {
  const inbox = createInbox(() => 0);
  return { provider: inbox, received: () => inbox.list() };
});

describeProvider("console", async () => {
  const written: string[] = [];
  return {
    provider: createConsoleProvider((text) => written.push(text)),
    received: () => written.map((text) => ({ to: / to (\S+) /.exec(text)?.[1] ?? "", text })),
  };
});

describeCarrier("smtp", startSmtpCarrier);

describe("inbox", () => {
  test("lists newest first, with the time of arrival in ISO 8601, and by destination only exact ones", async () => {
    let now = Date.parse("2026-01-05T10:00:00Z");
    const inbox = createInbox(() => now);
    await inbox.send(message("email", { code: "111111" }));
    now += 1500;
    await inbox.send(message("sms", { code: "222222" }));
    expect(inbox.list().map(({ code, at }) => [code, at])).toEqual([
      ["222222", "2026-01-05T10:00:01.500Z"],
      ["111111", "2026-01-05T10:00:00.000Z"],
    ]);
    expect(inbox.list("ada@example.com").map(({ code }) => code)).toEqual(["111111"]);
    expect(inbox.list("Ada@example.com")).toEqual([]);
  });

  test("forgets the oldest beyond its size", async () => {
    const inbox = createInbox(() => 0, 3);
    for (let index = 1; index <= 20; index += 1) {
      await inbox.send(message("email", { code: `00000${index}`.slice(-6) }));
      expect(inbox.list().length).toBe(Math.min(index, 3));
    }
    expect(inbox.list().map(({ code }) => code)).toEqual(["000020", "000019", "000018"]);
  });
});

describe("console", () => {
  test("writes one box a message that no control character of a destination can break", async () => {
    const written: string[] = [];
    const provider = createConsoleProvider((text) => written.push(text));
    await provider.send(message("email", { to: { kind: "email", value: "ada@example.com\r\n\u001b[2J\u202efake" } }));
    expect(written).toHaveLength(1);
    expect(written[0]?.trimEnd().split("\n")).toHaveLength(3);
    expect(written[0]).not.toMatch(/[^\P{C}\n]/u);
  });
});
