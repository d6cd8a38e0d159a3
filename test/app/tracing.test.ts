import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { tracerFor } from "../../src/telemetry/start-tracer.js";
import { noTracer } from "../../src/telemetry/tracer.js";
import { json, startHookServer } from "../accounts/hook-server.js";
import { callers, failureOf, type RpcCaller } from "../doors/callers.js";
import { eventually, keptLog, startTestApp, type TestApp } from "../support/app.js";
import { wrongCode } from "../support/calls.js";
import { setHook } from "../support/clients.js";
import { type Collector, type Span, startCollector } from "../support/collector.js";
import { testDatabases, urlOf } from "../support/postgres.js";
import { developmentEnv, endServers, newFolder, startServer } from "../support/server.js";

const { method } = AuthService;
const email = "ada.lovelace@example.com";
const identifier = { case: "email", value: email } as const;

async function startTraced(endpoint: string, env: Readonly<Record<string, string>> = {}): Promise<TestApp> {
  const asked = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_SCHEDULE_DELAY: "20", ...env };
  return await startTestApp({ LATCHKEY_RESEND_COOLDOWN: "1s" }, { tracer: await tracerFor(asked, keptLog()) });
}

const target = ({ app }: TestApp) => ({
  grpcAddress: `127.0.0.1:${app.grpcPort}`,
  webUrl: `http://127.0.0.1:${app.httpPort}`,
});

let collector: Collector;
beforeEach(async () => {
  collector = await startCollector();
});
afterEach(() => collector.stop());

/** What is below a span, as in `call(store provider)`. */
function below(spans: readonly Span[], parentId: string): string[] {
  return spans
    .filter((span) => span.parentSpanId === parentId)
    .map((span) => {
      const children = below(spans, span.spanId).sort();
      return children.length === 0 ? span.name : `${span.name}(${children.join(" ")})`;
    });
}

const callerIds = (n: number) => ({ traceId: `${n}`.repeat(32), spanId: `${n}`.repeat(16) });

describe.each(Object.entries(callers))("a login over %s", (name, connect) => {
  let on: TestApp;
  let caller: RpcCaller;
  beforeEach(async () => {
    on = await startTraced(collector.url, { OTEL_SERVICE_NAME: "sign-in", OTEL_EXPORTER_OTLP_HEADERS: "x-key=abc" });
    caller = connect(target(on));
  });
  afterEach(async () => {
    caller.close();
    await on.stop();
  });

  it("is one tree below the caller's span: door, pipeline, use case, store, outbox, provider", async () => {
    const { traceId, spanId } = callerIds(7);
    const headers = { traceparent: `00-${traceId}-${spanId}-01`, tracestate: "vendor=mark" };
    const { challenge } = await caller.call(method.sendOtp, { identifier, createUserIfMissing: true }, { headers });
    const { challengeId, code } = await on.messageOf(challenge);
    const { tokens } = await caller.call(method.verifyOtp, { challengeId, code }, { headers });
    const mine = await eventually("both calls", async () => {
      const found = collector.spans.filter((span) => span.traceId === traceId);
      const ended = found.filter(({ name: ended }) => /VerifyOtp$|^outbox/.test(ended));
      return ended.length >= 3 ? found : undefined;
    });

    const delivery = "outbox.deliver(provider.console provider.inbox)";
    const send = `store.challenges.issue(${delivery}) store.challenges.prepareSend`;
    expect(below(mine, spanId)).toContain(`latchkey.v1.AuthService/SendOtp(rpc.pipeline(auth.SendOtp(${send}) rpc.access))`);
    expect(below(mine, spanId).find((tree) => tree.includes("VerifyOtp"))).toMatch(
      /auth\.VerifyOtp\(.*store\.challenges\.takeAttempt/,
    );
    expect(below(mine, spanId)).toHaveLength(2);

    const server = mine.find((span) => span.name === "latchkey.v1.AuthService/SendOtp");
    const native = name.startsWith("gRPC (");
    expect(server).toMatchObject({ kind: 2, traceState: "vendor=mark", resource: { "service.name": "sign-in" } });
    expect(server?.attributes).toEqual({
      "rpc.system": native ? "grpc" : "connect_rpc",
      "rpc.service": "latchkey.v1.AuthService",
      "rpc.method": "SendOtp",
      "rpc.grpc.status_code": 0,
      door: native ? "grpc" : "web",
    });
    expect(collector.headers[0]).toMatchObject({ "x-key": "abc", "content-type": "application/json" });

    const lines = on.log.lines.filter(({ fields }) => fields.traceId === traceId).map(({ message }) => message);
    expect(lines).toEqual(expect.arrayContaining(["challenge issued", "code sent"]));

    await on.app.stop();
    const everything = collector.bodies.join("\n");
    for (const secret of [email, "ada.lovelace", challengeId, tokens?.accessToken, tokens?.refreshToken, "127.0.0.1"]) {
      expect(secret).toBeTruthy();
      expect(everything).not.toContain(secret);
    }
    // Ids and times are texts too, longer than a code and in one piece.
    const texts = collector.bodies.flatMap((body) => textsIn(JSON.parse(body)));
    expect(texts).toContain("SendOtp");
    expect(texts.filter((text) => new RegExp(`\\b${code}\\b`).test(text))).toEqual([]);
  });

  it("that is refused says so, with its gRPC code", async () => {
    const { challenge } = await caller.call(method.sendOtp, { identifier, createUserIfMissing: true });
    const { challengeId, code } = await on.messageOf(challenge);
    await failureOf(caller.call(method.verifyOtp, { challengeId, code: wrongCode(code) }));
    await failureOf(caller.call(method.getCurrentUser, {}));
    await failureOf(caller.call(method.verifyOtp, { challengeId: "no", code: "x" }));
    await on.app.stop();
    const refusals = collector.spans.filter(({ kind, status }) => kind === 2 && status.code === 2);
    expect(
      refusals.map(({ name: refused, attributes, status }) => [refused.split("/")[1], attributes, status.message]),
    ).toEqual(
      [
        ["VerifyOtp", 16, "UNAUTHENTICATED"],
        ["GetCurrentUser", 16, "UNAUTHENTICATED"],
        ["VerifyOtp", 3, "INVALID_ARGUMENT"],
      ].map(([refused, code, status]) => [
        refused,
        expect.objectContaining({ "rpc.grpc.status_code": code, "error.type": status }),
        status,
      ]),
    );
    expect(collector.spans.find((span) => span.name === "auth.VerifyOtp")?.attributes["error.type"]).toBe("CODE_INVALID");
  });
});

describe("traces", () => {
  let on: TestApp | undefined;
  afterEach(async () => {
    await on?.stop();
    on = undefined;
  });

  it("begin anew without a caller's context, or with one that is malformed", async () => {
    on = await startTraced(collector.url);
    const caller = callers["gRPC (grpc-js)"]!(target(on));
    const { spanId } = callerIds(3);
    for (const traceparent of [undefined, "garbage", `00-${"0".repeat(32)}-${spanId}-01`]) {
      await caller.call(method.revokeToken, { token: "x" }, traceparent === undefined ? {} : { headers: { traceparent } });
    }
    caller.close();
    await on.app.stop();
    const roots = collector.spans.filter(({ kind, parentSpanId }) => kind === 2 && !parentSpanId);
    expect(new Set(roots.map(({ traceId }) => traceId)).size).toBe(3);
  });

  it("hold nothing that no call asked for: polling the outbox, keeping house, probing", async () => {
    on = await startTraced(collector.url);
    await fetch(`http://127.0.0.1:${on.app.httpPort}/readyz`);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await on.app.stop();
    expect(collector.spans).toEqual([]);
  });

  it("of a code that is sent again go on with the call that asked again", async () => {
    on = await startTraced(collector.url);
    const caller = callers["Connect JSON"]!(target(on));
    const { challenge } = await caller.call(method.sendOtp, { identifier, createUserIfMissing: true });
    await on.messageOf(challenge);
    on.clock.advance(2000);
    const { traceId, spanId } = callerIds(5);
    const again = { case: "challengeId", value: challenge?.challengeId ?? "" } as const;
    const headers = { traceparent: `00-${traceId}-${spanId}-01` };
    await caller.call(method.sendOtp, { identifier: again }, { headers });
    await on.messages(email, 2);
    await on.app.stop();
    const mine = collector.spans.filter((span) => span.traceId === traceId);
    expect(below(mine, spanId).join()).toContain("store.challenges.resend(outbox.deliver(");
  });

  it("show the call of a registration hook with what failed, and neither its URL nor its secret", async () => {
    const hook = await startHookServer();
    on = await startTraced(collector.url);
    const url = `${hook.url}?token=hunter2`;
    const { secret } = await setHook(on, { appId: "default", url, failOpen: true });
    const caller = callers["Connect JSON"]!(target(on));
    const call = { traceparent: `00-${callerIds(6).traceId}-${callerIds(6).spanId}-01` };
    const register = async (to: string) => {
      const request = { identifier: { case: "email", value: to }, createUserIfMissing: true } as const;
      const { challenge } = await caller.call(method.sendOtp, request);
      const { challengeId, code } = await on!.messageOf(challenge);
      await caller.call(method.verifyOtp, { challengeId, code }, { headers: call });
      return hook.questions.length > 0;
    };
    for (let n = 0; !(await register(`person${n}@example.com`)); n += 1) await new Promise((done) => setTimeout(done, 100));
    hook.answer(json({}, 500));
    await register("another@example.com");
    caller.close();
    await on.app.stop();
    hook.stop();
    const spans = collector.spans.filter(({ name }) => name === "POST registration hook");
    const same = { "http.request.method": "POST" };
    expect(spans.map(({ kind, attributes }) => [kind, attributes])).toEqual([
      [3, same],
      [3, { ...same, "error.type": "500" }],
    ]);
    const parents = collector.spans.filter(({ name }) => name === "auth.VerifyOtp").map(({ spanId }) => spanId);
    for (const { parentSpanId } of spans) expect(parents).toContain(parentSpanId);
    for (const text of ["hunter2", hook.url, secret]) expect(collector.bodies.join("\n")).not.toContain(text);
  });

  it("are sampled as OTEL_TRACES_SAMPLER says, log lines name them all the same", async () => {
    on = await startTraced(collector.url, { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" });
    const { challenge } = await on.auth.sendOtp({ identifier, createUserIfMissing: true });
    await on.messageOf(challenge);
    await on.app.stop();
    expect(collector.spans).toEqual([]);
    const issued = on.log.lines.find(({ message }) => message === "challenge issued");
    expect(issued?.fields).toMatchObject({
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      correlationId: expect.any(String),
    });
  });

  it("that reach no collector are logged once and disturb no call, nor the stop", async () => {
    await collector.stop();
    const log = keptLog();
    // Times out before the exporter would try again.
    const env = { OTEL_BSP_SCHEDULE_DELAY: "20", OTEL_EXPORTER_OTLP_TIMEOUT: "200", OTEL_EXPORTER_OTLP_HEADERS: "x-key=abc" };
    const tracer = await tracerFor({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, log);
    on = await startTestApp({}, { tracer });
    for (let call = 0; call < 5; call += 1) {
      await on.auth.revokeToken({ token: "x" });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await eventually("the warning", async () => log.lines[0]);
    const startedAt = performance.now();
    await on.app.stop();
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ["warn", "traces can't be exported; they are lost until the collector answers"],
    ]);
    expect(JSON.stringify(log.lines)).not.toContain("abc");
  });
});

describe("a collector that never answers", () => {
  it("holds the stop up for a few seconds only", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const on = await startTraced(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    await on.auth.revokeToken({ token: "x" });
    const startedAt = performance.now();
    await on.stop();
    expect(performance.now() - startedAt).toBeLessThan(5000);
    silent.closeAllConnections();
    silent.close();
  });
});

describe("the store's spans", () => {
  const databases = testDatabases();

  it.each([
    ["sqlite", async () => ({})],
    ["postgresql", async () => ({ LATCHKEY_DATABASE_URL: urlOf(await databases.create()) })],
  ] as const)("name the database as OpenTelemetry does: %s", async (system, database) => {
    const tracer = await tracerFor({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, keptLog());
    const on = await startTestApp(await database(), { tracer });
    await on.auth.sendOtp({ identifier, createUserIfMissing: true });
    await on.stop();
    const store = collector.spans.filter(({ name }) => name.startsWith("store."));
    expect(new Set(store.map(({ attributes }) => attributes["db.system.name"]))).toEqual(new Set([system]));
  });
});

describe("the standard variables", () => {
  it.each([
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: "" },
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_SDK_DISABLED: "true" },
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_TRACES_EXPORTER: "none" },
    { OTEL_EXPORTER_OTLP_ENDPOINT: "not a URL" },
    { OTEL_SERVICE_NAME: "latchkey" },
  ])("%j make no traces", async (env) => {
    expect(await tracerFor(env, keptLog())).toBe(noTracer);
  });

  it("that can't be used are reported and ignored", async () => {
    const log = keptLog();
    const tracer = await tracerFor(
      {
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`,
        OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
        OTEL_TRACES_SAMPLER: "often",
        OTEL_BSP_MAX_QUEUE_SIZE: "-1",
      },
      log,
    );
    await tracer.stop();
    expect(tracer.on).toBe(true);
    expect(log.lines.map(({ message }) => message.split(/[ =:]/)[0])).toEqual([
      "OTEL_EXPORTER_OTLP_PROTOCOL",
      "OTEL_TRACES_SAMPLER",
      "OTEL_BSP_MAX_QUEUE_SIZE",
    ]);
  });
});

describe("a server of its own", () => {
  afterEach(() => endServers());

  /** The OpenTelemetry packages that a server has loaded when it ends, after a call. */
  async function loadedBy(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
    const script = `const { writeSync } = require("node:fs");
      process.on("exit", () => writeSync(1, "loaded " + JSON.stringify(Object.keys(require.cache)) + "\\n"));`;
    const folder = newFolder();
    const preload = join(folder, "print-modules.cjs");
    writeFileSync(preload, script);
    const server = await startServer({ ...developmentEnv(), NODE_OPTIONS: `--require ${preload}`, ...env }, { folder });
    await server.auth.sendOtp({ identifier, createUserIfMissing: true });
    const { code, stdout } = await server.stop();
    expect(code).toBe(0);
    const line = stdout.find((text) => text.startsWith("loaded ")) ?? "";
    const files = JSON.parse(line.slice("loaded ".length)) as string[];
    const packages = files.map((file) => /node_modules\/(@opentelemetry\/[^/]+)\//.exec(file)?.[1]);
    // The interface alone comes with prom-client, which gives its metrics exemplars.
    return [...new Set(packages.filter((name) => name !== undefined && name !== "@opentelemetry/api"))] as string[];
  }

  it("loads no OpenTelemetry and exports nothing when it is not asked to", async () => {
    expect(await loadedBy({})).toEqual([]);
    expect(await loadedBy({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SDK_DISABLED: "true" })).toEqual([]);
    expect(collector.bodies).toEqual([]);
  });

  it("exports what is left when it stops", async () => {
    expect(await loadedBy({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })).toContain("@opentelemetry/sdk-trace");
    expect(collector.spans.map(({ name }) => name)).toContain("latchkey.v1.AuthService/SendOtp");
    expect(collector.spans[0]?.resource).toMatchObject({ "service.name": "latchkey" });
  });
});

/** All texts in a JSON document, names of its fields too. */
function textsIn(json: unknown): string[] {
  if (typeof json === "string") return [json];
  return typeof json === "object" && json !== null
    ? Object.entries(json).flatMap(([name, value]) => [name, ...textsIn(value)])
    : [];
}
