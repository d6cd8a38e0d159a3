import { describe, expect, test } from "vitest";
import { type MailServerOptions, startMailServer } from "../../support/smtp.js";
import { code, message } from "../fixtures.js";
import { listen, mailServer, smtp, useMailServers } from "./smtp-harness.js";

useMailServers();

describe("the mail that arrives", () => {
  test("has the code in its subject, the first line of its text and its HTML, and one sender and recipient", async () => {
    const server = await mailServer();
    expect(await smtp(server.port).send(message("email"))).toEqual({
      kind: "sent",
      detail: "250",
      providerMessageId: "<5e4d@example.org>",
    });
    const [mail] = server.mails;
    expect(mail?.parsed.subject).toBe(`${code} is your Latchkey sign-in code`);
    expect(mail?.parsed.text?.split("\n")[0]).toBe(mail?.parsed.subject);
    expect(mail?.parsed.html).toContain(`>${code}</span>`);
    expect(mail?.parsed.from?.value).toEqual([{ name: "Latchkey", address: "codes@example.org" }]);
    expect(mail?.parsed.to).toMatchObject({ value: [{ address: "ada@example.com" }] });
    expect([mail?.sender, mail?.recipients]).toEqual(["codes@example.org", ["ada@example.com"]]);
  });

  test("is marked as generated, dated, and named alike at every try of a send and only there, without the challenge", async () => {
    const server = await mailServer();
    const provider = smtp(server.port);
    for (const sendKey of ["aa11", "aa11", "bb22"]) await provider.send(message("email", { sendKey }));
    const [mail] = server.mails;
    expect(mail?.parsed.headers.get("auto-submitted")).toBe("auto-generated");
    expect(mail?.parsed.headers.get("x-auto-response-suppress")).toBe("All");
    expect(mail?.parsed.date).toBeInstanceOf(Date);
    expect(server.mails.map(({ parsed }) => parsed.messageId)).toEqual([
      "<aa11@example.org>",
      "<aa11@example.org>",
      "<bb22@example.org>",
    ]);
    expect(mail?.raw).not.toContain("challenge-1");
  });

  test.each([
    "ada@example.com\r\nBcc: evil@example.net",
    "ada@example.com\n.\r\nMAIL FROM:<evil@example.net>",
    "ada@example.com, evil@example.net",
    "ada@example.com>\r\nRCPT TO:<evil@example.net",
    "Ada <ada@example.com>",
    "evil@example.net (ada@example.com)",
    "ada@example.com\u0000",
    '"evil@example.net x"@example.com',
    "ädä@example.com",
    "ada@exämple.com",
    "",
  ])("never goes to %j: refused for good before a connection is made", async (value) => {
    const server = await mailServer();
    const result = await smtp(server.port).send(message("email", { to: { kind: "email", value } }));
    expect(result.kind).toBe("permanent");
    expect([server.mails.length, server.connections()]).toEqual([0, 0]);
  });

  test("has the expected headers only, whatever stands in a name, a locale and a subject", async () => {
    const server = await mailServer();
    const appName = "Shop\r\nBcc: evil@example.net\r\n\r\nbody\n.\r\nMAIL FROM:<evil@example.net>";
    const rendered = message("email", { appName, locale: "en\r\nX-Evil: 1" });
    const subject = `${code} is it\r\nBcc: evil@example.net\r\nX-Evil: 1`;
    const provider = smtp(server.port, { from: { name: "La\r\nX-Evil: 1\tkey", address: "codes@example.org" } });
    expect((await provider.send(rendered)).kind).toBe("sent");
    expect((await provider.send({ ...rendered, subject })).kind).toBe("sent");
    for (const { recipients, parsed } of server.mails) {
      expect(recipients).toEqual(["ada@example.com"]);
      expect([...parsed.headers.keys()].sort()).toEqual([
        "auto-submitted",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "subject",
        "to",
        "x-auto-response-suppress",
      ]);
    }
    expect(server.mails).toHaveLength(2);
  });

  test.each(["no address", "a@b.c, d@e.f", "Name <a@b.c> <d@e.f>", "a@b.c\r\nBcc: d@e.f", ""])(
    "a sender %j is refused at the start",
    (from) => {
      expect(() => smtp(25, { from: { name: "", address: from } })).toThrow("the sender of e-mail must be");
    },
  );
});

describe("refusals", () => {
  const refusal = (command: string, reply: string): MailServerOptions => ({
    refuse: (asked) => (asked === command ? reply : undefined),
  });

  test.each([
    ["RCPT", "550 5.1.1 <ada@example.com> has no mailbox, 048213", "permanent", "recipient refused (550)"],
    ["DATA", "554 5.7.1 message for ada@example.com looks like spam", "permanent", "message refused (554)"],
    ["RCPT", "451 4.7.1 come back later, ada@example.com", "temporary", "deferred by the mail server (451)"],
    ["DATA", "452 4.3.1 disk full", "temporary", "deferred by the mail server (452)"],
    ["RCPT", "421 4.3.2 shutting down", "unavailable", "the mail server asked to try again later (421)"],
    [
      "MAIL",
      "550 5.7.1 you may not send as codes@example.org",
      "unavailable",
      "the mail server refused the sender (550): check `from` in LATCHKEY_SMTP_URL",
    ],
    ["RCPT", "530 5.7.0 login first", "unavailable", "the mail server requires a login or TLS (530): check LATCHKEY_SMTP_URL"],
  ] as const)("%s: %s is %s", async (command, reply, kind, detail) => {
    const server = await mailServer(refusal(command, reply));
    const result = await smtp(server.port).send(message("email"));
    expect({ ...result, detail: result.detail.replace(/ [245]\.\d\.\d\)/, ")") }).toMatchObject({ kind, detail });
    expect(server.mails).toEqual([]);
  });

  test("a message that was put off is taken at the next try, over the same connection", async () => {
    const replies = ["451 4.7.1 greylisted", undefined];
    const server = await mailServer({ refuse: (command) => (command === "RCPT" ? replies.shift() : undefined) });
    const provider = smtp(server.port, { connectionsMax: 1 });
    expect((await provider.send(message("email"))).kind).toBe("temporary");
    expect((await provider.send(message("email"))).kind).toBe("sent");
    expect([server.mails.length, server.connections()]).toEqual([1, 1]);
  });
});

describe("a server that is gone, silent or odd is unavailable", () => {
  test("nothing listens", async () => {
    const server = await startMailServer();
    await server.stop();
    const result = await smtp(server.port).send(message("email"));
    expect(result).toEqual({
      kind: "unavailable",
      detail:
        "the mail server can't be reached (ECONNREFUSED): check that it is running, and the host and port in LATCHKEY_SMTP_URL",
    });
  });

  test("it never greets", async () => {
    const port = await listen(() => {});
    const result = await smtp(port, { connectTimeoutMs: 100 }).send(message("email"));
    expect(result.kind).toBe("unavailable");
    expect(result.detail).toMatch(/^the mail server can't be reached \(ETIMEDOUT\)/);
  });

  test("it hangs up at once", async () => {
    const port = await listen((socket) => socket.destroy());
    expect((await smtp(port).send(message("email"))).kind).toBe("unavailable");
  });

  test("it refuses us by its greeting", async () => {
    const port = await listen((socket) => socket.end("554 5.7.1 your address is on a list\r\n"));
    const result = await smtp(port).send(message("email"));
    expect(result).toEqual({
      kind: "unavailable",
      detail: "the mail server refused this client (554 5.7.1): check LATCHKEY_SMTP_URL",
    });
  });

  test("it trickles its answers for longer than a send may take", async () => {
    const port = await listen((socket) => {
      const timer = setInterval(() => socket.write("220-still here\r\n"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    const result = await smtp(port, { sendTimeoutMs: 200 }).send(message("email"));
    expect(result).toEqual({ kind: "unavailable", detail: "the mail server took too long" });
  });

  test("it restarted since the last mail: the next one arrives", async () => {
    const first = await mailServer();
    const provider = smtp(first.port);
    expect((await provider.send(message("email"))).kind).toBe("sent");
    await first.stop();
    const second = await mailServer({ port: first.port });
    expect((await provider.send(message("email"))).kind).toBe("sent");
    expect([first.mails.length, second.mails.length]).toEqual([1, 1]);
  });
});
