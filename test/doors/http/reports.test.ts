import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { DeliveryReport, Provider, ReportRequest } from "../../../src/delivery/provider.js";
import { createReportTaking, followReports } from "../../../src/delivery/take-reports.js";
import { createAddressOf, createNetworkOf } from "../../../src/doors/address.js";
import { createHttpRoutes } from "../../../src/doors/http/routes.js";
import { createUnfinished } from "../../../src/doors/unfinished.js";
import { createBodies } from "../../../src/doors/web/body.js";
import type { Report } from "../../../src/store/port/messages.js";
import { fakeClock, keptLog } from "../../support/app.js";

const issuer = "https://auth.example.com/tenant";
const secret = "a-carrier's-secret";
const delivered: DeliveryReport = { sendKey: "5e5d", providerMessageId: "SM1", status: "delivered", cause: "" };

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
  for (const server of servers) server.close();
});

/** The door's plain paths on a port, with one carrier that takes reports and one that does not. */
async function start(options: { readonly failing?: boolean; readonly storing?: Promise<void> } = {}) {
  const seen: ReportRequest[] = [];
  const stored: Report[] = [];
  const clock = fakeClock();
  const carrier: Provider = {
    name: "sms-main",
    channels: ["sms"],
    send: async () => ({ kind: "sent", detail: "" }),
    close: async () => {},
    async readReports(request) {
      seen.push(request);
      if (request.headers["x-secret"] !== secret) return { kind: "forged" };
      return request.body.toString() === "nonsense" ? { kind: "malformed" } : { kind: "reports", reports: [delivered] };
    },
  };
  const { readReports: _, ...silent } = { ...carrier, name: "mail" };
  const store = {
    messages: {
      async report(reports: readonly Report[]) {
        if (options.failing) throw new Error("the database is away");
        stored.push(...reports);
        await options.storing;
        return reports.map(() => null);
      },
    },
  };
  const log = keptLog();
  const carriers = [carrier, silent, { ...carrier, name: "shop/sms" }];
  const findProvider = async (name: string) => carriers.find((one) => one.name === name) ?? null;
  const deps = { store, clock, log, findProvider, forwardTo: () => new Set<string>() };
  const networkOf = createNetworkOf([]);
  const routes = createHttpRoutes({
    issuer,
    services: [],
    bodies: createBodies(createUnfinished({ onReset: () => {} }), networkOf),
    addressOf: createAddressOf(["127.0.0.1"]),
    reports: { take: createReportTaking(deps) },
  });
  await routes.ready();
  const server = createServer((request, response) => {
    if (!routes.answer(request, response)) response.writeHead(418).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const post = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}/delivery/reports/${path}`, { method: "POST", ...init });
    return { status: response.status, body: await response.text(), headers: response.headers };
  };
  return { seen, stored, clock, log, post };
}

const signed = { "x-secret": secret };

describe("a carrier's report", () => {
  it("reaches the carrier's reader byte by byte, under the public URL whatever Host header came", async () => {
    const on = await start();
    const body = Buffer.from([0x00, 0xff, 0x7b]);
    const headers = {
      ...signed,
      host: "evil.example",
      "content-type": "application/x-odd",
      "x-forwarded-host": "evil.example",
    };
    expect((await on.post("sms-main?id=a%20b&x=1", { headers, body })).status).toBe(200);
    expect(on.seen).toHaveLength(1);
    const [request] = on.seen;
    expect(request!.url).toBe(`${issuer}/delivery/reports/sms-main?id=a%20b&x=1`);
    expect(request!.body.equals(body)).toBe(true);
    expect(request).toMatchObject({ method: "POST", now: on.clock(), headers: { "x-secret": secret } });
  });

  it("is stored by our own reference and the carrier's id, with the answer of an unknown message", async () => {
    const on = await start();
    const answers = [await on.post("sms-main", { headers: signed }), await on.post("sms-main", { headers: signed })];
    for (const { status, body } of answers) expect([status, body]).toEqual([200, ""]);
    const report = { provider: "sms-main", reference: "5e5d", providerMessageId: "SM1", status: "delivered", cause: "" };
    expect(on.stored).toMatchObject([report, report]);
    expect(on.stored[0]!.reportedAt).toBe(on.clock());
  });

  it("on an app's own carrier comes below the app, and is read under that URL", async () => {
    const on = await start();
    expect((await on.post("shop/sms?x=1", { headers: signed })).status).toBe(200);
    expect(on.seen[0]!.url).toBe(`${issuer}/delivery/reports/shop/sms?x=1`);
    expect(on.stored).toMatchObject([{ provider: "shop/sms" }]);
    for (const path of ["other/sms", "shop/other", "shop%2Fsms/sms", "shop/sms/more"])
      expect((await on.post(path, { headers: signed })).status, path).toBe(404);
    expect(on.stored).toHaveLength(1);
  });

  it("may come by GET and without a body", async () => {
    const on = await start();
    expect((await on.post("sms-main?status=ok", { method: "GET", headers: signed })).status).toBe(200);
    expect(on.seen[0]).toMatchObject({ method: "GET" });
    expect(on.seen[0]!.body).toHaveLength(0);
  });

  it("may come under the path of the issuer or without it", async () => {
    const on = await start();
    expect((await on.post("../../tenant/delivery/reports/sms-main", { headers: signed })).status).toBe(200);
    expect(on.stored).toHaveLength(1);
  });

  it.each([
    ["forged", "sms-main", { headers: { "x-secret": "guess" } }, 403],
    ["malformed", "sms-main", { headers: signed, body: "nonsense" }, 400],
    ["for a carrier that does not exist", "sms-other", { headers: signed }, 404],
    ["for a carrier that reports nothing", "mail", { headers: signed }, 404],
    ["larger than 64 KiB", "sms-main", { headers: signed, body: "x".repeat(64 * 1024 + 1) }, 413],
    ["compressed", "sms-main", { headers: { ...signed, "content-encoding": "gzip" }, body: "x" }, 415],
    ["sent by PUT", "sms-main", { method: "PUT", headers: signed }, 405],
  ])("that is %s is refused, and nothing is stored", async (_what, path, init, status) => {
    const on = await start();
    const answer = await on.post(path, init);
    expect([answer.status, answer.body, answer.headers.get("cache-control")]).toEqual([status, "", "no-store"]);
    expect(on.stored).toEqual([]);
  });

  it("that can't be stored now is refused so that the carrier repeats it", async () => {
    const on = await start({ failing: true });
    expect((await on.post("sms-main", { headers: signed })).status).toBe(503);
  });
});

describe("a flood of reports", () => {
  const forged = { headers: { "x-secret": "guess" } };

  it("that are forged keeps no authentic one out, even from the same address, and stores nothing", async () => {
    const on = await start();
    for (let count = 0; count < 200; count += 1) expect((await on.post("sms-main", forged)).status).toBe(403);
    expect(on.stored).toEqual([]);
    expect((await on.post("sms-main", { headers: signed })).status).toBe(200);
    expect(on.stored).toHaveLength(1);
  });

  it("that are forged is logged once a minute for each carrier and reason, with their number", async () => {
    const on = await start();
    const refuse = async (times: number) => {
      for (let count = 0; count < times; count += 1) await on.post("sms-main", forged);
    };
    await refuse(3);
    await on.post("shop/sms", forged);
    await on.post("sms-main", { headers: signed, body: "nonsense" });
    on.clock.advance(60_000);
    await refuse(2);
    on.clock.advance(-60_000);
    await refuse(1);
    expect(on.log.lines.map(({ fields }) => [fields.provider, fields.why, fields.count])).toEqual([
      ["sms-main", "forged", 1],
      ["shop/sms", "forged", 1],
      ["sms-main", "malformed", 1],
      ["sms-main", "forged", 3],
      ["sms-main", "forged", 2],
    ]);
  });

  it("that are authentic is stored 64 at a time, and the carrier repeats the others; forged ones take no place", async () => {
    let finish = (): void => {};
    const storing = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const on = await start({ storing });
    const first = Array.from({ length: 64 }, () => on.post("sms-main", { headers: signed }));
    await vi.waitFor(() => expect(on.stored).toHaveLength(64));
    const refused = await on.post("sms-main", { headers: signed });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(on.stored).toHaveLength(64);
    expect((await on.post("sms-main", forged)).status).toBe(403);
    finish();
    for (const { status } of await Promise.all(first)) expect(status).toBe(200);
    expect((await on.post("sms-main", { headers: signed })).status).toBe(200);
  });
});

describe("reports over a carrier's own connection", () => {
  const connected = (report: (reports: readonly Report[]) => Promise<readonly null[]>) => {
    let take: (reports: readonly DeliveryReport[]) => Promise<void> = async () => {};
    const log = keptLog();
    const provider: Provider = {
      name: "smpp",
      channels: ["sms"],
      send: async () => ({ kind: "sent", detail: "" }),
      close: async () => {},
      onReports(given) {
        take = given;
      },
    };
    const forwardTo = () => new Set<string>();
    followReports({ store: { messages: { report } }, clock: fakeClock(), log, forwardTo }, provider);
    return { log, send: (reports: readonly DeliveryReport[]) => take(reports) };
  };

  it("are stored like those over HTTP, and those that name no message are left out", async () => {
    const stored: Report[] = [];
    const { send } = connected(async (reports) => {
      stored.push(...reports);
      return reports.map(() => null);
    });
    await send([delivered, { status: "failed", cause: "x".repeat(300) }, { ...delivered, cause: "y".repeat(300) }]);
    expect(stored).toMatchObject([{ provider: "smpp", reference: "5e5d" }, { cause: "y".repeat(200) }]);
  });

  it("are logged if they can't be stored, and not acknowledged, so that the carrier repeats them", async () => {
    const { send, log } = connected(async () => {
      throw new Error("the database is away");
    });
    await expect(send([delivered])).rejects.toThrow();
    expect(log.lines).toMatchObject([{ level: "error", fields: { provider: "smpp", count: 1 } }]);
  });
});
