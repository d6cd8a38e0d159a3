import type { Server } from "node:http";
import type { Log } from "../auth/deps.js";
import { watchCertificates } from "./certificates.js";
import type { Settings } from "../config/settings.js";
import { type Core, type CoreOverrides, createCore, storeLocation } from "./core.js";
import type { CheckedProvider, Provider } from "../delivery/channel.js";
import { createConsoleProvider } from "../delivery/console.js";
import { deliver } from "../delivery/deliver.js";
import { createInbox, type Inbox } from "../delivery/inbox.js";
import { startOutbox } from "../delivery/outbox.js";
import { createSmtpProvider } from "../delivery/smtp.js";
import { createAddressOf, createNetworkOf } from "../doors/address.js";
import { createGrpcDoor } from "../doors/grpc/door.js";
import { createInboxServer } from "../doors/inbox/server.js";
import { listenOn } from "../doors/listener.js";
import { createMetricsServer, warnOfOpenMetrics } from "../doors/metrics.js";
import { createUnfinished } from "../doors/unfinished.js";
import { createWebDoor } from "../doors/web/door.js";
import { AuthService } from "../gen/latchkey/v1/auth_service_pb.js";
import type { Listen } from "../lib/listen.js";
import { startMaintenance } from "./maintenance.js";
import { createRecorder } from "../telemetry/metrics.js";
import { type Readiness, watchReadiness } from "./readiness.js";
import { createGate } from "../rpc/access.js";
import { createAuthService } from "../rpc/services/auth-service.js";
import { createClients } from "../rpc/clients.js";
import { createInFlight } from "../rpc/in-flight.js";
import type { Door, Dropped } from "../rpc/call-context.js";
import { composeService } from "../rpc/pipeline.js";
import { observeStore } from "../store/observed.js";
import { nameOf, openStore } from "../store/open.js";
import { StoreUnavailableError } from "../store/store.js";
import { traceDelivery, traceProviders, traceStore } from "../telemetry/traced.js";
import { noTracer, type Tracer } from "../telemetry/tracer.js";

/** What tests and the bench may put in another's place; nothing of it can be reached by a setting. */
export interface Overrides extends CoreOverrides {
  /** Instead of those that the settings name. */
  readonly providers?: readonly Provider[];
  /** Where the console provider writes, instead of standard output. */
  readonly print?: (text: string) => void;
}

/** How a server is run. */
export interface Running {
  /** It is one of several workers, and the primary serves the metrics of all. */
  readonly metricsElsewhere?: boolean;
  /** Stopped with the server; none, if not given. */
  readonly tracer?: Tracer;
}

/** A running server. */
export interface App {
  readonly core: Core;
  /** Where everything is stored, as an operator knows it. */
  readonly database: string;
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Null in production. */
  readonly inboxPort: number | null;
  /** Null in a worker. */
  readonly metricsPort: number | null;
  /** Reads the TLS files again, if there are any, and logs the result. */
  reloadCertificates(): Promise<void>;
  /** Health and readiness say from now on that it does not serve; calls and connections are still accepted. */
  withdraw(): void;
  /** Withdraws, lets calls under way finish for up to 10 s, settles what was begun, and closes. */
  stop(): Promise<void>;
}

const drainMs = 10_000;

/** What OpenTelemetry calls the databases. */
const systemNames = { sqlite: "sqlite", postgres: "postgresql" } as const;

/** Starts everything that a deployment consists of. When a part fails to start, those before it are closed again. */
export async function startApp(settings: Settings, log: Log, overrides: Overrides & Running = {}): Promise<App> {
  const closers: (() => Promise<void>)[] = [];
  /** Closes everything, also past a part that fails to close. */
  async function stop(): Promise<void> {
    const failures: unknown[] = [];
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      await close().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
  try {
    return { ...(await start(settings, { log, overrides, closers })), stop };
  } catch (error) {
    await stop().catch((failure: unknown) => log.warn({ error: failure }, "a part did not close after the failed start"));
    throw error;
  }
}

interface Given {
  readonly log: Log;
  readonly overrides: Overrides & Running;
  /** What stops each part that was started; called last one first. */
  readonly closers: (() => Promise<void>)[];
}

async function start(settings: Settings, { log: plainLog, overrides, closers }: Given): Promise<Omit<App, "stop">> {
  const tracer = overrides.tracer ?? noTracer;
  closers.push(() => tracer.stop());
  const log = tracer.log(plainLog);
  const inFlight = createInFlight();
  const recorder = createRecorder();
  const location = storeLocation(settings);
  const opened = await openStore(location, {
    inFlight: inFlight.count,
    clock: overrides.clock,
    clockSetBack: (backMs) =>
      log.warn({ backMs }, "the clock was set back: codes sent before have ended, and limits stay as they were"),
  });
  closers.push(() => opened.close());
  let readiness: Readiness | undefined;
  const store = observeStore(traceStore(opened, tracer, systemNames[settings.database.kind]), (operation) => {
    recorder.operationEnded(operation);
    if (operation.error === StoreUnavailableError.name) void readiness?.check();
  });
  const core = await createCore(settings, { store, log, metrics: recorder.auth, measure: recorder.hashes, overrides });
  // From here on work is done by the clock. One that differs, or a move, refuses it, and readiness says so.
  await opened.ping().catch(() => {});
  const { clock } = core.deps;
  recorder.observe({
    hashesWaiting: core.deps.codes.waiting,
    callsInFlight: inFlight.count,
    outboxAgeMs: async () => Math.max(clock() - ((await store.nextMessageDueAt()) ?? Infinity), 0),
  });

  const maintenance = startMaintenance({
    store,
    keys: core.signingKeys,
    clock,
    log: plainLog,
    onExpired: recorder.challengeExpired,
  });
  closers.push(() => maintenance.stop());
  const inbox = settings.mode === "development" ? createInbox(clock) : null;
  const providers =
    overrides.providers ?? providersOf(settings, inbox, overrides.print ?? ((text) => void process.stdout.write(text)));
  closers.push(async () => void (await Promise.all(providers.map((provider) => provider.close()))));
  const check = new AbortController();
  closers.push(async () => check.abort());
  void warnOfProviders(providers, plainLog, check.signal);
  const outbox = startOutbox({
    store,
    clock,
    log,
    openCode: core.openCode,
    isForeign: core.isForeign,
    providers: traceProviders(providers, tracer),
    deliver: traceDelivery(deliver, tracer),
    appName: settings.appName,
    onTry: recorder.tryEnded,
  });
  closers.push(() => outbox.stop());

  const deps = { ...core.deps, wakeOutbox: tracer.detached(outbox.wake) };
  const clients = createClients(settings);
  const gate = createGate({ ...deps, clients, issuer: settings.issuer });
  const services = [
    composeService({ inFlight, gate, log, onCall: recorder.callEnded, tracer }, AuthService, createAuthService(deps)),
  ];
  const certificates =
    settings.tls.kind === "files" ? await watchCertificates({ files: settings.tls, clock, log: plainLog }) : null;
  closers.push(async () => certificates?.stop());
  if (certificates !== null) recorder.observeCertificate(certificates.validity);
  const tls = certificates?.options() ?? null;
  const addressOf = createAddressOf(settings.trustedProxies);
  const networkOf = createNetworkOf(settings.trustedProxies);
  const unfinished = createUnfinished({ onReset: recorder.requestReset });
  const connectionsOf = (door: Door) => ({ networkOf, onDropped: (why: Dropped) => recorder.connectionDropped({ door, why }) });

  const { inboxListen, metricsListen } = settings;
  const inboxPort =
    inbox === null || inboxListen === null ? null : await listenBeside(createInboxServer(inbox), inboxListen, closers);
  const metricsPort = overrides.metricsElsewhere
    ? null
    : await listenBeside(createMetricsServer(recorder, settings), metricsListen, closers);
  if (metricsPort !== null) warnOfOpenMetrics(settings, plainLog);
  const web = createWebDoor({
    services,
    inFlight,
    unfinished,
    connections: connectionsOf("web"),
    addressOf,
    traced: tracer.on,
    tls,
    clients,
    issuer: settings.issuer,
    jwks: core.deps.accessTokens.jwks,
    ready: () => store.ping(),
  });
  const grpc = await createGrpcDoor({
    services,
    inFlight,
    unfinished,
    connections: connectionsOf("grpc"),
    addressOf,
    traced: tracer.on,
    tls,
    reflection: settings.reflection,
  });
  certificates?.follow((renewed) => {
    for (const door of [grpc, web]) door.renewTls(renewed);
  });
  const setServing = (serving: boolean): void => {
    for (const door of [grpc, web]) door.setServing(serving);
  };
  function withdraw(): void {
    readiness?.stop();
    setServing(false);
  }
  closers.push(async () => {
    withdraw();
    await Promise.all([grpc.drain(drainMs), web.drain(drainMs)]);
  });
  const httpPort = await web.listen(settings.httpListen.host, settings.httpListen.port);
  const grpcPort = await grpc.listen(settings.grpcListen.host, settings.grpcListen.port);
  readiness = watchReadiness({ ping: opened.ping, log: plainLog, changed: setServing });
  closers.push(async () => readiness?.stop());
  // A database that is being moved, or whose clock differs, can be started on and is not ready.
  await readiness.check();
  return {
    core,
    database: nameOf(location),
    grpcPort,
    httpPort,
    inboxPort,
    metricsPort,
    reloadCertificates: async () => await certificates?.reload(),
    withdraw,
  };
}

function providersOf(settings: Settings, inbox: Inbox | null, print: (text: string) => void): (Provider | CheckedProvider)[] {
  const providers: (Provider | CheckedProvider)[] = [];
  if (inbox !== null) providers.push(inbox, createConsoleProvider(print));
  if (settings.smtp !== null) providers.push(createSmtpProvider(settings.smtp));
  return providers;
}

/** Says at once which provider can't be used: otherwise the first person to sign in finds out. The start does not wait for it. */
async function warnOfProviders(
  providers: readonly (Provider | CheckedProvider)[],
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const check = async (provider: Provider | CheckedProvider): Promise<void> => {
    const trouble = "check" in provider ? await provider.check() : null;
    if (trouble !== null && !signal.aborted)
      log.error({ provider: provider.name, detail: trouble }, "codes can't be sent now: they wait");
  };
  await Promise.all(providers.map(check));
}

/** Serves on a listener beside the doors, which nobody's call depends on: it is closed at once. */
async function listenBeside(server: Server, { host, port: wanted }: Listen, closers: Given["closers"]): Promise<number> {
  const port = await listenOn(server, host, wanted);
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return port;
}
