import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { readProvider } from "../../../src/config/providers/read-provider.js";
import type { Provider } from "../../../src/delivery/provider.js";
import type { Channel } from "../../../src/model/channel.js";
import { createAllowed } from "../../../src/outbound/allowed.js";
import { createProvider } from "../../../src/server/create-provider.js";
import { startMailServer } from "../../support/smtp.js";
import { message } from "../fixtures.js";
import { login, startCenter } from "./smpp-center.js";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Counts connections to loopback. */
async function listen() {
  const connections = { count: 0 };
  const server: Server = createServer((socket) => {
    connections.count += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return { connections, port: (server.address() as AddressInfo).port };
}

interface Rules {
  readonly addresses?: readonly string[];
  readonly allowed?: readonly string[];
}

/** The provider of a URL that came over the network. */
function provider(url: string, channel: Channel, { addresses, allowed = [] }: Rules = {}): Provider {
  const rules = {
    allowed: createAllowed(allowed),
    ...(addresses === undefined ? {} : { resolve: async () => addresses }),
  };
  const spec = readProvider(url, channel, { isProduction: false, readText: null });
  const created = createProvider(spec, {
    name: "shop/own",
    reportsUrl: "https://id.example.com/",
    clock: Date.now,
    addresses: rules,
  });
  closers.push(() => created.close());
  return created;
}

const kinds = [
  ["smtp", "smtp://%?from=codes@example.com&starttls=never", "email"],
  ["smtps", "smtps://%?from=codes@example.com", "email"],
  ["smpp", "smpp://system:password@%", "sms"],
  ["smpps", "smpps://system:password@%", "sms"],
  ["twilio", `twilio://AC${"0".repeat(32)}:token@%?from=%2B14155550100`, "sms"],
  ["vonage", "vonage://abcd1234:secret@%?from=Example", "sms"],
] as const;

describe.each(kinds)("a carrier of %s that comes over the network", (_kind, url, channel) => {
  const at = (host: string, port: number) => url.replace("%", `${host}:${port}`);

  test.each(["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "169.254.169.254", "10.0.0.1", "[fd00:ec2::254]"])(
    "connects to no private address: %s",
    async (host) => {
      const { connections, port } = await listen();
      const own = provider(at(host, port), channel);
      expect(await own.send(message(channel))).toMatchObject({ kind: "unavailable", isMisconfigured: true });
      expect(await own.check!()).toContain("not at a public address");
      expect(connections.count).toBe(0);
    },
  );

  test.each([[["127.0.0.1"]], [["8.8.8.8", "127.0.0.1"]], [["::1"]]])(
    "connects to no name with a private address now, whatever it had before: %j",
    async (addresses) => {
      const { connections, port } = await listen();
      const own = provider(at("rebind.example.com", port), channel, { addresses });
      expect(await own.send(message(channel))).toMatchObject({ kind: "unavailable", isMisconfigured: true });
      expect(connections.count).toBe(0);
    },
  );

  test("connects to what the operator allows, by address and by name", async () => {
    const { connections, port } = await listen();
    await provider(at("127.0.0.1", port), channel, { allowed: ["127.0.0.0/8"] }).send(message(channel));
    await provider(at("mail.internal", port), channel, { allowed: ["mail.internal"], addresses: ["127.0.0.1"] }).send(
      message(channel),
    );
    expect(connections.count).toBeGreaterThanOrEqual(2);
  });
});

describe("over a socket that was checked", () => {
  const allowed = ["127.0.0.1"];

  test("mail is sent and the login is tested, over several connections of the pool", async () => {
    const server = await startMailServer({ login: { user: "shop", password: "secret" } });
    closers.push(server.stop);
    const url = (password: string) => `smtp://shop:${password}@127.0.0.1:${server.port}?from=codes@example.com&starttls=never`;
    const own = provider(url("secret"), "email", { allowed });
    expect(await own.check!()).toBe(null);
    const sent = await Promise.all(Array.from({ length: 5 }, () => own.send(message("email"))));
    expect(sent.map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => "sent"));
    expect(server.mails).toHaveLength(5);
    const wrong = provider(url("wrong"), "email", { allowed });
    expect(await wrong.check!()).toBe("the mail server refused the login (535 5.7.8): check user and password in its URL");
  });

  test("a refused connection of the mail server says so", async () => {
    const server = await startMailServer();
    await server.stop();
    const own = provider(`smtp://127.0.0.1:${server.port}?from=codes@example.com&starttls=never`, "email", { allowed });
    const unreachable = /^the mail server can't be reached \(ECONNREFUSED\): .* its URL$/;
    expect(await own.send(message("email"))).toMatchObject({ kind: "unavailable", detail: expect.stringMatching(unreachable) });
    expect(await own.check!()).toMatch(unreachable);
  });

  test("a message center is bound to", async () => {
    const center = await startCenter();
    closers.push(center.stop);
    const url = `smpp://${login.systemId}:${login.password}@127.0.0.1:${center.port}`;
    expect(await provider(url, "sms", { allowed }).check!()).toBe(null);
  });
});
