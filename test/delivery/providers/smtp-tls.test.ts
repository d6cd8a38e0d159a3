import { describe, expect, test } from "vitest";
import { resultOfFailure } from "../../../src/delivery/providers/smtp-result.js";
import { createAuthority } from "../../support/tls.js";
import { message } from "../fixtures.js";
import { authority, listen, mailServer, smtp, useMailServers } from "./smtp-harness.js";

useMailServers();

const certificate = authority.issue(["localhost", "127.0.0.1"]);
const login = { user: "latchkey", password: "correct horse" };
const secretOf = (text: string) => ({ reveal: () => text });

describe("TLS", () => {
  test.each([
    ["STARTTLS when it is required", { certificate }, { starttls: "required" }],
    ["STARTTLS when it is optional and offered", { certificate }, { starttls: "optional" }],
    ["TLS from the first byte", { certificate, implicitTls: true }, { secure: true }],
    ["a host name that the certificate holds", { certificate }, { starttls: "required", host: "localhost" }],
  ] as const)("encrypts by %s", async (_name, serverOptions, options) => {
    const server = await mailServer(serverOptions);
    expect((await smtp(server.port, options).send(message("email"))).kind).toBe("sent");
    expect(server.mails.map(({ encrypted }) => encrypted)).toEqual([true]);
  });

  test("is left out when it may be and the server has none, and when it must be", async () => {
    const without = await mailServer();
    expect((await smtp(without.port, { starttls: "optional" }).send(message("email"))).kind).toBe("sent");
    const withTls = await mailServer({ certificate });
    expect((await smtp(withTls.port, { starttls: "never" }).send(message("email"))).kind).toBe("sent");
    expect([...without.mails, ...withTls.mails].map(({ encrypted }) => encrypted)).toEqual([false, false]);
  });

  const other = createAuthority("Another CA");
  test.each([
    ["an authority that is not trusted, by STARTTLS", { certificate: other.issue(["127.0.0.1"]) }, {}],
    [
      "an authority that is not trusted, though TLS is optional",
      { certificate: other.issue(["127.0.0.1"]) },
      { starttls: "optional" },
    ],
    [
      "an authority that is not trusted, from the first byte",
      { certificate: other.issue(["127.0.0.1"]), implicitTls: true },
      { secure: true },
    ],
    ["a certificate of another host", { certificate: authority.issue(["mail.example.org"]) }, {}],
    ["no STARTTLS though it is required", {}, {}],
    ["no TLS where it should be from the first byte", {}, { secure: true }],
  ] as const)("%s: nothing is sent, tried again, its reason names the setting", async (_name, serverOptions, options) => {
    const server = await mailServer(serverOptions);
    const result = await smtp(server.port, { starttls: "required", ...options }).send(message("email"));
    expect(result).toMatchObject({ kind: "unavailable", isMisconfigured: true });
    expect(result.detail).toMatch(/^no trusted TLS connection to the mail server \([A-Z0-9_ .]+\): .*starttls=never/);
    expect(server.mails).toEqual([]);
  });
});

test("a server that has no TLS just now is not misconfigured", () => {
  const refusal = { code: "ETLS", command: "STARTTLS", response: "454 4.7.0 TLS not available", responseCode: 454 };
  expect(resultOfFailure(refusal, false)).not.toHaveProperty("isMisconfigured");
});

describe("login", () => {
  const withLogin = { user: login.user, password: secretOf(login.password) };

  test("signs in with user and password", async () => {
    const server = await mailServer({ certificate, login });
    expect((await smtp(server.port, { ...withLogin, starttls: "required" }).send(message("email"))).kind).toBe("sent");
    expect(server.mails[0]?.user).toBe(login.user);
  });

  test.each([
    [
      "a wrong password",
      { certificate, login },
      { ...withLogin, password: secretOf("wrong") },
      /refused the login \(535 5\.7\.8\)/,
    ],
    ["a server that wants a login when none is set", { certificate, login }, {}, /check LATCHKEY_SMTP_URL/],
    ["a server that knows no login when one is set", { certificate }, withLogin, /in LATCHKEY_SMTP_URL/],
  ] as const)(
    "%s makes it unavailable: the reason names the setting, without the password",
    async (_name, serverOptions, options, detail) => {
      const server = await mailServer(serverOptions);
      const result = await smtp(server.port, { starttls: "required", ...options }).send(message("email"));
      expect(result.kind).toBe("unavailable");
      expect(result.detail).toMatch(detail);
      expect(result.detail).not.toMatch(/wrong|horse|latchkey/);
      expect(server.mails).toEqual([]);
    },
  );

  test("is never given in the clear to another machine that offers no STARTTLS", async () => {
    const seen: string[] = [];
    const port = await listen((socket) => {
      socket.write("220 mail\r\n");
      socket.on("data", (data) => {
        seen.push(data.toString());
        socket.write(/^EHLO/.test(data.toString()) ? "250-mail\r\n250 AUTH PLAIN LOGIN\r\n" : "502 no\r\n");
      });
    });
    // Leads here, but is not known to.
    const provider = smtp(port, { ...withLogin, host: "0.0.0.0", starttls: "optional" });
    expect((await provider.send(message("email"))).kind).toBe("unavailable");
    expect(seen.join("")).toContain("STARTTLS");
    expect(seen.join("")).not.toMatch(/AUTH|MAIL/);
  });
});
