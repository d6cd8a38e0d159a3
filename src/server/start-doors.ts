import type { Directory } from "../apps/directory.js";
import type { Settings } from "../config/settings.js";
import { createAddressOf, createNetworkOf } from "../doors/address.js";
import { createGrpcDoor } from "../doors/grpc/door.js";
import { dialectDefinitions } from "../doors/http/dialects/plugins.js";
import type { TakeReports } from "../doors/http/reports/plugin.js";
import { createUnfinished } from "../doors/unfinished.js";
import { createWebDoor } from "../doors/web/door.js";
import type { Log } from "../lib/log.js";
import type { Door, Dropped } from "../model/door.js";
import type { InFlight } from "../rpc/in-flight.js";
import type { ServedService } from "../rpc/pipeline.js";
import type { Recorder } from "../telemetry/metrics.js";
import { watchCertificates } from "./certificates.js";
import type { Closers } from "./closers.js";
import type { Core } from "./core.js";

export interface StartedDoors {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Sets what health checks of both doors report. */
  setServing(serving: boolean): void;
  /** Reads the TLS files again, if there are any, and logs the result. */
  reloadCertificates(): Promise<void>;
}

const drainMs = 10_000;

/** Opens both doors. They report that they do not serve until `setServing`. `beforeDrain` is called when they begin to close. */
export async function startDoors(
  settings: Settings,
  given: {
    readonly core: Core;
    readonly services: readonly ServedService[];
    readonly directory: Directory;
    readonly inFlight: InFlight;
    readonly recorder: Recorder;
    readonly traced: boolean;
    readonly plainLog: Log;
    readonly beforeDrain: () => void;
    readonly takeReports: TakeReports;
    readonly closers: Closers;
  },
): Promise<StartedDoors> {
  const { services, inFlight, recorder, traced, closers } = given;
  const { clock, store, accessTokens } = given.core.deps;
  const certificates =
    settings.tls.kind === "files" ? await watchCertificates({ files: settings.tls, clock, log: given.plainLog }) : null;
  closers.push(async () => certificates?.stop());
  if (certificates !== null) recorder.observeCertificate(certificates.validity);
  const tls = certificates?.options() ?? null;
  const addressOf = createAddressOf(settings.trustedProxies);
  const networkOf = createNetworkOf(settings.trustedProxies);
  const unfinished = createUnfinished({ onReset: recorder.requestReset });
  const shared = { services, inFlight, unfinished, addressOf, traced, tls };
  const connectionsOf = (door: Door) => ({ networkOf, onDropped: (why: Dropped) => recorder.connectionDropped({ door, why }) });
  const web = createWebDoor({
    ...shared,
    connections: connectionsOf("web"),
    directory: given.directory,
    issuer: settings.issuer,
    jwks: accessTokens.jwks,
    ready: () => store.upkeep.ping(),
    dialects: dialectDefinitions,
    reports: { take: given.takeReports },
  });
  const grpc = await createGrpcDoor({ ...shared, connections: connectionsOf("grpc"), reflection: settings.reflection });
  certificates?.follow((renewed) => {
    for (const door of [grpc, web]) door.renewTls(renewed);
  });
  const setServing = (serving: boolean): void => {
    for (const door of [grpc, web]) door.setServing(serving);
  };
  closers.push(async () => {
    given.beforeDrain();
    setServing(false);
    await Promise.all([grpc.drain(drainMs), web.drain(drainMs)]);
  });
  const httpPort = await web.listen(settings.httpListen.host, settings.httpListen.port);
  const grpcPort = await grpc.listen(settings.grpcListen.host, settings.grpcListen.port);
  return { grpcPort, httpPort, setServing, reloadCertificates: async () => await certificates?.reload() };
}
