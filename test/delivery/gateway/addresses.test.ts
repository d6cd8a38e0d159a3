import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { parseInlineGateway } from "../../../src/config/providers/gateway-url.js";
import type { Provider } from "../../../src/delivery/provider.js";
import { createAllowed } from "../../../src/outbound/allowed.js";
import { createProvider } from "../../../src/server/create-provider.js";
import { message } from "../fixtures.js";

const servers: Server[] = [];
const providers: Provider[] = [];
afterEach(async () => {
  for (const provider of providers.splice(0)) await provider.close();
  for (const server of servers.splice(0)) server.close();
});

/** Counts connections to loopback. */
async function listen() {
  const connections = { count: 0 };
  const server = createServer((socket) => {
    connections.count += 1;
    socket.destroy();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { connections, port: (server.address() as AddressInfo).port };
}

function provider(
  url: string,
  { resolve, allowed = [] }: { resolve?: () => Promise<string[]>; allowed?: string[] } = {},
): Provider {
  const description = {
    channels: ["sms"],
    request: { url, body: { json: { to: "{to}", text: "{text}" } } },
    check: url,
    success: {},
  };
  const addresses = { allowed: createAllowed(allowed), ...(resolve === undefined ? {} : { resolve }) };
  const created = createProvider(
    { kind: "http-gateway", settings: parseInlineGateway(JSON.stringify(description), "sms", false) },
    { name: "sms-1", reportsUrl: "https://id.example.com/delivery/reports/sms-1", clock: Date.now, addresses },
  );
  providers.push(created);
  return created;
}

describe("a gateway that comes over the network", () => {
  test.each([
    "https://127.0.0.1:%/",
    "https://[::1]:%/",
    "https://[::ffff:7f00:1]:%/",
    "https://0.0.0.0:%/",
    "https://169.254.169.254:%/",
    "https://10.0.0.1:%/",
    "https://192.168.0.1:%/",
    "https://[fd00:ec2::254]:%/",
  ])("connects to no private address: %s", async (url) => {
    const { connections, port } = await listen();
    const gateway = provider(url.replace("%", String(port)));
    expect(await gateway.send(message("sms"))).toMatchObject({ kind: "unavailable", isMisconfigured: true });
    expect(await gateway.check!()).toContain("not at a public address");
    expect(connections.count).toBe(0);
  });

  test.each([[["127.0.0.1"]], [["203.0.114.1", "127.0.0.1"]], [["::1"]]])(
    "resolves a name at each connection: %j",
    async (addresses) => {
      const { connections, port } = await listen();
      const gateway = provider(`https://rebind.example.com:${port}/`, { resolve: async () => addresses });
      expect(await gateway.send(message("sms"))).toMatchObject({ kind: "unavailable", isMisconfigured: true });
      expect(connections.count).toBe(0);
    },
  );

  test("calls http only at addresses that the operator allows", async () => {
    const { connections, port } = await listen();
    const url = `http://gateway.internal:${port}/`;
    const publicOne = provider(url, { resolve: async () => ["8.8.8.8"] });
    for (const refused of [publicOne, provider("http://8.8.8.8/"), provider(url, { resolve: async () => ["127.0.0.1"] })]) {
      expect(await refused.check!()).toContain("not at a public address");
    }
    expect(connections.count).toBe(0);
    await provider(url, { resolve: async () => ["127.0.0.1"], allowed: ["127.0.0.0/8"] }).send(message("sms"));
    await provider(url, { resolve: async () => ["127.0.0.1"], allowed: ["gateway.internal"] }).send(message("sms"));
    expect(connections.count).toBe(2);
  });

  test("connects to what the operator allows", async () => {
    const { connections, port } = await listen();
    const gateway = provider(`https://127.0.0.1:${port}/`, { allowed: ["127.0.0.1"] });
    expect((await gateway.send(message("sms"))).kind).toBe("unavailable");
    expect(connections.count).toBe(1);
  });
});
