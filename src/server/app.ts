import type { Server } from "node:http";
import type { DevelopmentClient } from "../apps/development-clients.js";
import type { Directory } from "../apps/directory.js";
import type { Settings } from "../config/settings.js";
import { createLearnedRoutes } from "../delivery/learned-routes.js";
import type { Provider } from "../delivery/provider.js";
import { createInboxServer } from "../doors/inbox/server.js";
import { listenOn } from "../doors/listener.js";
import { createMetricsServer, warnOfOpenMetrics } from "../doors/metrics.js";
import { AppService } from "../gen/latchkey/v1/app_service_pb.js";
import { AuthService } from "../gen/latchkey/v1/auth_service_pb.js";
import { DeliveryService } from "../gen/latchkey/v1/delivery_service_pb.js";
import { TokenService } from "../gen/latchkey/v1/token_service_pb.js";
import { UserService } from "../gen/latchkey/v1/user_service_pb.js";
import { formatListen, type Listen } from "../lib/listen.js";
import type { Log } from "../lib/log.js";
import { packageVersion } from "../lib/package-version.js";
import { oauthPaths, urlBelow } from "../model/oauth.js";
import { createGate } from "../rpc/access.js";
import { createClientAuthentication, failureLimits } from "../rpc/client-authentication.js";
import { createInFlight } from "../rpc/in-flight.js";
import { composeService } from "../rpc/pipeline.js";
import { createAppService } from "../rpc/services/app-service.js";
import { createAuthService } from "../rpc/services/auth-service.js";
import { createDeliveryService } from "../rpc/services/delivery-service.js";
import { createTokenService } from "../rpc/services/token-service.js";
import { createUserService } from "../rpc/services/user-service.js";
import type { Store } from "../store/port/store.js";
import { createRecorder } from "../telemetry/metrics.js";
import { noTracer, type Tracer } from "../telemetry/tracer.js";
import { type Closers, closeAll } from "./closers.js";
import { type Core, type CoreOverrides, createCore } from "./core.js";
import { deploymentOf } from "./deployment.js";
import { createHeartbeat, type Heartbeat } from "./heartbeat.js";
import { startMaintenance } from "./maintenance.js";
import { createCarrierCheck } from "./read-app-carrier.js";
import { type Readiness, watchReadiness } from "./readiness.js";
import { startDelivery } from "./start-delivery.js";
import { startDirectory } from "./start-directory.js";
import { startDoors } from "./start-doors.js";
import { startStore } from "./start-store.js";

/** Parts that tests and the benchmark replace. No setting can replace them. */
export interface Overrides extends CoreOverrides {
  /** Used instead of the providers that the settings name. */
  readonly providers?: readonly Provider[];
  /** Used instead of the apps and clients of the database. */
  readonly directory?: Directory;
  /** Returns the store that all parts use: the opened one, or one that deviates from it. */
  readonly wrapStore?: (store: Store) => Store;
  /** Receives the console provider's output instead of standard output. */
  readonly print?: (text: string) => void;
}

/** How a server runs. */
export interface Running {
  /** Whether it is one of several workers. If so, the primary serves the metrics of all. */
  readonly metricsElsewhere?: boolean;
  /** Stopped together with the server. Without it no traces are made. */
  readonly tracer?: Tracer;
  /** Added to a database that lacks them. */
  readonly developmentClients?: readonly DevelopmentClient[];
}

/** A running server. */
export interface RunningServer {
  readonly core: Core;
  /** A name of the database for an operator, without secrets. */
  readonly database: string;
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Null in production. */
  readonly inboxPort: number | null;
  /** Null in a worker. */
  readonly metricsPort: number | null;
  /** Reads the TLS files again, if there are any, and logs the result. */
  reloadCertificates(): Promise<void>;
  /** Makes health and readiness report that it does not serve. It still accepts calls and connections. */
  withdraw(): void;
  /** Withdraws, lets running calls finish for up to 10 s, settles started work, and closes. */
  stop(): Promise<void>;
}

/** Starts all parts of a deployment. If a part fails to start, closes the earlier ones and throws. */
export async function startApp(settings: Settings, log: Log, overrides: Overrides & Running = {}): Promise<RunningServer> {
  const closers: Closers = [];
  const stop = () => closeAll(closers);
  try {
    return { ...(await start(settings, { log, overrides, closers })), stop };
  } catch (error) {
    await stop().catch((failure: unknown) => log.warn({ error: failure }, "a part did not close after the failed start"));
    throw error;
  }
}

/** Processes that share a database beat often, so that one that was cut off from it notices. */
const beatMs = 1_000;
/** A file is never cut off, and each beat writes to its disk. */
const beatOnSqliteMs = 5_000;

interface Given {
  readonly log: Log;
  readonly overrides: Overrides & Running;
  readonly closers: Closers;
}

async function start(settings: Settings, { log: plainLog, overrides, closers }: Given): Promise<Omit<RunningServer, "stop">> {
  const tracer = overrides.tracer ?? noTracer;
  closers.push(() => tracer.stop());
  const log = tracer.log(plainLog);
  const inFlight = createInFlight();
  const recorder = createRecorder();
  let readiness: Readiness | undefined;
  let heartbeat: Heartbeat | undefined;
  const { store, unmeasured, name } = await startStore(settings, {
    log,
    tracer,
    recorder,
    callsInFlight: inFlight.count,
    clock: overrides.clock,
    wrapStore: overrides.wrapStore,
    onUnavailable: () => void readiness?.check(),
    closers,
  });
  // After the doors and the delivery, which work until they are drained.
  closers.push(async () => {
    readiness?.stop();
    await heartbeat?.stop();
  });
  const core = await createCore(settings, { store, log, metrics: recorder.auth, measure: recorder.hashes, tracer, overrides });
  const directory =
    overrides.directory ??
    (await startDirectory(settings, { core, log: plainLog, developmentClients: overrides.developmentClients ?? [], closers }));
  // All later work needs the right clock. With a differing clock or during a move this fails, and readiness reports it.
  await unmeasured.upkeep.ping().catch(() => {});
  const { clock } = core.deps;
  const learned = createLearnedRoutes({ store, clock, log: plainLog });
  const maintenance = startMaintenance({
    store,
    keys: core.signingKeys,
    learned,
    messageRetentionMs: settings.messageRetentionMs,
    clock,
    log: plainLog,
    onExpired: recorder.challengeExpired,
  });
  closers.push(() => maintenance.stop());
  const { providers, print } = overrides;
  const delivery = startDelivery(settings, {
    core,
    directory,
    learned,
    recorder,
    tracer,
    log,
    plainLog,
    providers,
    print,
    closers,
  });
  recorder.observe({
    hashesWaiting: core.deps.codes.waiting,
    callsInFlight: inFlight.count,
    outboxAgeMs: async () => Math.max(clock() - ((await store.outbox.nextDueAt()) ?? Infinity), 0),
    carriers: () => delivery.carrierStatus(null),
    failingRoutes: learned.failing,
  });

  const deps = { ...core.deps, wakeOutbox: delivery.wake };
  const clients = createClientAuthentication({
    ...deps,
    directory,
    audiences: [settings.issuer, urlBelow(settings.issuer, oauthPaths.token)],
    failureLimits: settings.mode === "production" ? failureLimits : [],
  });
  const gate = createGate({ ...deps, directory, clients, issuer: settings.issuer });
  const pipeline = { inFlight, gate, log, onCall: recorder.callEnded, tracer };
  const tokens = createTokenService({ ...deps, clients, directory, issuer: settings.issuer });
  const { hookSecrets, outbound } = core;
  const deployment = { ...deploymentOf(settings), carriers: delivery.carrierStatus(null) };
  const services = [
    composeService(pipeline, AuthService, createAuthService(deps)),
    composeService(pipeline, AppService, createAppService({ hookSecrets, outbound, directory, deployment, ...deps })),
    composeService(pipeline, TokenService, tokens),
    composeService(
      pipeline,
      DeliveryService,
      createDeliveryService({
        ...deps,
        directory,
        carrierStatus: delivery.carrierStatus,
        testCarrier: delivery.testCarrier,
        checkCarrier: createCarrierCheck(outbound, { isProduction: settings.mode === "production" }),
        carrierSecrets: core.carrierSecrets,
      }),
    ),
    composeService(pipeline, UserService, createUserService({ ...deps, directory })),
  ];
  const { inboxListen, metricsListen } = settings;
  const inboxPort =
    delivery.inbox === null || inboxListen === null
      ? null
      : await listenBeside(createInboxServer(delivery.inbox), inboxListen, closers);
  const metricsPort = overrides.metricsElsewhere
    ? null
    : await listenBeside(createMetricsServer(recorder, settings), metricsListen, closers);
  if (metricsPort !== null) warnOfOpenMetrics(settings, plainLog);
  const doors = await startDoors(settings, {
    core,
    services,
    directory,
    inFlight,
    recorder,
    traced: tracer.on,
    plainLog,
    beforeDrain: () => readiness?.withdraw(),
    takeReports: delivery.takeReports,
    closers,
  });
  const { grpcPort, httpPort, reloadCertificates } = doors;
  heartbeat = createHeartbeat({
    store: unmeasured,
    rings: core.rings,
    version: packageVersion(),
    addresses: [
      { ...settings.grpcListen, port: grpcPort },
      { ...settings.httpListen, port: httpPort },
    ].map(formatListen),
    clock,
  });
  readiness = watchReadiness({
    check: heartbeat.beat,
    everyMs: settings.database.kind === "sqlite" ? beatOnSqliteMs : beatMs,
    log: plainLog,
    changed: doors.setServing,
  });
  // The server also starts on a database that is being moved or whose clock differs, but it is not ready.
  await readiness.check();
  const withdraw = (): void => {
    readiness?.withdraw();
    doors.setServing(false);
  };
  return { core, database: name, grpcPort, httpPort, inboxPort, metricsPort, reloadCertificates, withdraw };
}

/** Serves on a listener beside the doors. No call depends on it, so it closes at once. */
async function listenBeside(server: Server, { host, port: wanted }: Listen, closers: Closers): Promise<number> {
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
