import { once } from "node:events";
import { request as httpRequest, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createMetricsServer, warnOfOpenMetrics } from "../../src/doors/metrics.js";
import { Secret } from "../../src/lib/secret.js";

interface Reply {
  readonly status: number;
  readonly body: string;
}

describe("the metrics door", () => {
  let server: Server;
  let port: number;
  afterEach(() => {
    server.close();
    server.closeAllConnections();
  });

  async function serve(text: () => Promise<string>, host = "127.0.0.1", token: string | null = null): Promise<void> {
    const access = { metricsListen: { host, port: 0 }, metricsToken: token === null ? null : new Secret(token) };
    server = createMetricsServer({ contentType: "text/plain; version=0.0.4", text }, access);
    server.listen(0, host);
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  }

  function ask(headers: Record<string, string> = {}, { method = "GET", host = "127.0.0.1" } = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const sent = { host: `127.0.0.1:${port}`, ...headers };
      const options = { port, host, path: "/metrics", method, headers: sent, agent: false };
      const call = httpRequest(options, async (response) => {
        let body = "";
        for await (const chunk of response) body += String(chunk);
        resolve({ status: response.statusCode!, body });
      });
      call.on("error", reject).end();
    });
  }

  it.each<Record<string, string>>([
    { host: "127.0.0.1:9464" },
    { host: "localhost:9464" },
    { host: "[::1]:9464" },
    { "sec-fetch-site": "none", "sec-fetch-mode": "navigate" },
  ])("answers a scraper and a person of this machine: %j", async (headers) => {
    await serve(async () => "up 1\n");
    expect(await ask(headers)).toEqual({ status: 200, body: "up 1\n" });
  });

  it("off this machine answers to whatever name a scraper uses, and to no web page", async () => {
    await serve(async () => "up 1\n", "0.0.0.0");
    expect((await ask({ host: "latchkey.internal:9464" })).status).toBe(200);
    expect((await ask({ host: "latchkey.internal:9464", origin: "https://evil.test" })).status).toBe(403);
    expect((await ask({ host: "latchkey.internal:9464", "sec-fetch-site": "cross-site" })).status).toBe(403);
  });

  it("with a token answers only to it, and collects nothing for others", async () => {
    let collected = 0;
    const collect = async () => {
      collected += 1;
      return "up 1\n";
    };
    await serve(collect, "127.0.0.1", "a-token-of-metrics");
    for (const authorization of [
      undefined,
      "",
      "Bearer",
      "Bearer a-token-of-metric",
      "Bearer a-token-of-metrics2",
      "Basic a-token-of-metrics",
    ]) {
      const { status, body } = await ask(authorization === undefined ? {} : { authorization });
      expect([status, body]).toEqual([401, "Metrics need the bearer token of LATCHKEY_METRICS_TOKEN.\n"]);
    }
    expect(collected).toBe(0);
    expect(await ask({ authorization: "Bearer a-token-of-metrics" })).toEqual({ status: 200, body: "up 1\n" });
    expect(await ask({ authorization: "bearer a-token-of-metrics" })).toEqual({ status: 200, body: "up 1\n" });
  });

  it("closes a connection that it refuses, and takes four of one address at most", async () => {
    await serve(async () => "up 1\n", "0.0.0.0", "a-token-of-metrics");
    const held = Array.from({ length: 32 }, () => connect({ port, host: "127.0.0.1", localAddress: "127.0.0.3" }));
    for (const socket of held) socket.on("error", () => {});
    await Promise.all(held.slice(4).map((socket) => once(socket, "close")));
    expect((await ask({ authorization: "Bearer a-token-of-metrics" })).status).toBe(200);
    held[0]!.write("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    held[0]!.resume();
    await once(held[0]!, "close");
    for (const socket of held) socket.destroy();
  });

  it("answers to the address that it listens on", async () => {
    await serve(async () => "up 1\n", "127.0.0.2");
    expect((await ask({ host: `127.0.0.2:${port}` }, { host: "127.0.0.2" })).status).toBe(200);
    expect((await ask({ host: `127.0.0.3:${port}` }, { host: "127.0.0.2" })).status).toBe(421);
  });

  it.each<[number, Record<string, string>]>([
    [421, { host: "rebound.evil.test:9464" }],
    [421, { host: "127.0.0.1.evil.test" }],
    [403, { origin: "https://evil.test" }],
    [403, { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }],
  ])("refuses web pages with %i and collects nothing for them: %j", async (status, headers) => {
    let collected = 0;
    await serve(async () => {
      collected += 1;
      return "up 1\n";
    });
    const reply = await ask(headers);
    expect([reply.status, reply.body.includes("up"), collected]).toEqual([status, false, 0]);
  });

  it("collects once for all who ask at once, and anew for who asks later", async () => {
    let collected = 0;
    let finish = (): void => {};
    const enough = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await serve(async () => {
      collected += 1;
      await enough;
      return `collected ${collected}\n`;
    });
    let asked = 0;
    server.on("request", () => {
      asked += 1;
      if (asked === 4) finish();
    });
    const replies = await Promise.all(Array.from({ length: 4 }, () => ask()));
    expect(new Set(replies.map(({ body }) => body))).toEqual(new Set(["collected 1\n"]));
    expect((await ask()).body).toBe("collected 2\n");
  });

  it("says so when nothing can be collected, and tries again for the next", async () => {
    let fails = true;
    await serve(async () => {
      if (fails) throw new Error("secret detail");
      return "up 1\n";
    });
    expect(await ask()).toEqual({ status: 500, body: "The metrics can't be read at the moment.\n" });
    fails = false;
    expect((await ask()).status).toBe(200);
  });

  it("drops connections beyond those that scrapers need", async () => {
    await serve(async () => "up 1\n");
    const sockets = Array.from({ length: 40 }, (_, n) =>
      connect({ port, host: "127.0.0.1", localAddress: `127.0.0.${10 + (n % 10)}` }).on("error", () => {}),
    );
    await once(server, "drop");
    for (const socket of sockets) socket.destroy();
  });
});

describe("metrics that every machine may read", () => {
  it("are warned of at the start, and none that this machine or a token guards", () => {
    const warned: unknown[] = [];
    const log = { warn: (fields: unknown, message: string) => void warned.push([fields, message]) };
    const metricsToken = new Secret("a-token-of-metrics");
    warnOfOpenMetrics({ metricsListen: { host: "127.0.0.1", port: 9464 }, metricsToken: null }, log);
    warnOfOpenMetrics({ metricsListen: { host: "0.0.0.0", port: 9464 }, metricsToken }, log);
    expect(warned).toEqual([]);
    warnOfOpenMetrics({ metricsListen: { host: "0.0.0.0", port: 9464 }, metricsToken: null }, log);
    expect(warned).toEqual([[{ metrics: "0.0.0.0:9464" }, expect.stringContaining("set LATCHKEY_METRICS_TOKEN")]]);
  });
});
