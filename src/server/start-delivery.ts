import type { Directory } from "../apps/directory.js";
import { messageAppOf } from "../apps/message-app.js";
import { linkTokenOf } from "../auth/link-token.js";
import type { Settings } from "../config/settings.js";
import { withSecret } from "../crypto/hook-secrets.js";
import { createCarrierHealth } from "../delivery/carrier-health.js";
import { deliver } from "../delivery/deliver.js";
import type { ReportHook } from "../delivery/forward.js";
import { startForwarding } from "../delivery/forwarding.js";
import type { LearnedRoutes } from "../delivery/learned-routes.js";
import { startOutbox } from "../delivery/outbox.js";
import type { Provider } from "../delivery/provider.js";
import { createRouting, senderOf } from "../delivery/routing.js";
import { createReportTaking, followReports } from "../delivery/take-reports.js";
import { createConsoleProvider } from "../delivery/taps/console.js";
import { createInbox, type Inbox } from "../delivery/taps/inbox.js";
import { textsFor } from "../delivery/texts/languages.js";
import type { TakeReports } from "../doors/http/reports/plugin.js";
import type { Log } from "../lib/log.js";
import type { TestedCarrier } from "../messages/test-provider.js";
import type { App } from "../model/app.js";
import type { CarrierStatus } from "../model/carrier.js";
import { notMePath, takeBackPath } from "../model/not-me.js";
import { urlBelow } from "../model/oauth.js";
import { countryRefusal } from "../model/phone-number.js";
import type { EpochMs } from "../model/time.js";
import type { Recorder } from "../telemetry/metrics.js";
import { traceDelivery, traceHookCalls, traceProvider } from "../telemetry/traced.js";
import type { Tracer } from "../telemetry/tracer.js";
import { createAppCarriers, testAppCarrier } from "./app-carriers.js";
import { carriersByChannel, createCarriers, onEveryChannel, statusOf } from "./carriers.js";
import type { Closers } from "./closers.js";
import type { Core } from "./core.js";
import { openAppCarrier } from "./open-app-carrier.js";

export interface StartedDelivery {
  /** Sends messages at this time, without waiting for the next regular look. */
  readonly wake: (dueAt: EpochMs) => void;
  /** Null in production. */
  readonly inbox: Inbox | null;
  /** Takes what carriers post about messages. */
  readonly takeReports: TakeReports;
  /** Returns the carriers of the deployment, and those of an app if one is given, with what this process knows about them. */
  readonly carrierStatus: (app: App | null) => readonly CarrierStatus[];
  /** Connects to a carrier of an app. See `TestProviderDeps`. */
  readonly testCarrier: (name: string) => Promise<TestedCarrier | null>;
}

/** How often carriers that apps changed or removed are closed. */
const sweepMs = 1_000;

/**
 * Starts sending what the outbox holds. `providers` are used instead of the carriers that the settings name, and instead of the
 * places where development shows messages.
 */
export function startDelivery(
  settings: Settings,
  given: {
    readonly core: Core;
    readonly directory: Pick<Directory, "findApp" | "reportedTo" | "refresh">;
    readonly learned: LearnedRoutes;
    readonly recorder: Recorder;
    readonly tracer: Tracer;
    readonly log: Log;
    /** Names no traces: for log lines that belong to none. */
    readonly plainLog: Log;
    readonly providers: readonly Provider[] | undefined;
    readonly print: ((text: string) => void) | undefined;
    readonly closers: Closers;
  },
): StartedDelivery {
  const { core, directory, learned, recorder, tracer, closers, print = (text) => void process.stdout.write(text) } = given;
  const { clock, store } = core.deps;
  const inbox = settings.mode === "development" ? createInbox(clock) : null;
  const taps = inbox === null || given.providers !== undefined ? [] : [inbox, createConsoleProvider(print)];
  const untraced = given.providers === undefined ? createCarriers(settings, clock) : onEveryChannel(given.providers);
  const providers = [...new Set(untraced.map(({ provider }) => provider))];
  closers.push(async () => void (await Promise.all(providers.map((provider) => provider.close()))));
  const check = new AbortController();
  closers.push(async () => check.abort());
  void warnOfProviders(providers, given.plainLog, check.signal);
  const carriers = untraced.map((carrier) => ({ ...carrier, provider: traceProvider(carrier.provider, tracer) }));
  const health = createCarrierHealth(clock);
  const reporting = {
    store,
    clock,
    log: given.plainLog,
    forwardTo: directory.reportedTo,
    onReport: recorder.reportTaken,
    onUndelivered: recorder.messageEnded,
  };
  const openDeps = { secrets: core.carrierSecrets, settings, clock };
  const appCarriers = createAppCarriers({
    directory,
    async open(app, carrier) {
      const provider = await openAppCarrier(openDeps, app, carrier);
      return provider === null ? null : traceProvider(provider, tracer);
    },
    onOpened: (provider) => followReports(reporting, provider),
    onClosed: health.forget,
  });
  closers.push(appCarriers.close);
  const sweeping = setInterval(appCarriers.sweep, sweepMs).unref();
  closers.push(async () => clearInterval(sweeping));
  const ofDeployment = carriersByChannel(carriers);
  const routingOf = (appId: string) => directory.findApp(appId)?.routing ?? [];
  const outbox = startOutbox({
    store,
    clock,
    log: given.log,
    openCode: core.openCode,
    isForeign: core.isForeign,
    carriersOf: createRouting({
      routingOf,
      // The deployment's carriers are no fallback, because they cost its operator's money.
      carriersOf: (message) => appCarriers.of(message) ?? ofDeployment(message),
      ofDeployment,
      learned,
    }),
    senderOf: (message) => senderOf(routingOf(message.appId), message),
    taps: taps.map((tap) => traceProvider(tap, tracer)),
    health,
    contactKeyOf: (poolId, contact) => core.deps.lookup.identifier(poolId, contact),
    deliver: traceDelivery(deliver, tracer),
    refusalOf: (appId, contact) => countryRefusal(directory.findApp(appId)?.policy ?? settings.policy, contact),
    appOf: (appId) => messageAppOf(directory.findApp(appId), settings.appName),
    notMeUrlOf: ({ challengeId, contact, locale, notice }) => {
      const path = notice === null ? notMePath : takeBackPath;
      const token = linkTokenOf(core.deps.lookup, notice === null ? "not me" : "contact change", challengeId);
      return `${urlBelow(settings.issuer, path)}/${token}?lang=${textsFor(locale, contact).language}`;
    },
    forwardTo: directory.reportedTo,
    onTry: recorder.tryEnded,
    onEnd: recorder.messageEnded,
  });
  closers.push(() => outbox.stop());
  const forwarding = startForwarding({
    store,
    clock,
    log: given.plainLog,
    apps: directory.reportedTo,
    hookOf: (appId) => reportHookOf(given, appId),
    destinationOf: async (challengeId) => (await store.challenges.find(challengeId))?.contact?.value ?? null,
    send: traceHookCalls(core.outbound.send, { name: "delivery report", tracer }),
    onResult: recorder.forwardEnded,
  });
  closers.push(() => forwarding.stop());
  for (const provider of providers) followReports(reporting, provider);
  const findProvider = async (name: string): Promise<Provider | null> =>
    name.includes("/") ? await appCarriers.find(name) : (providers.find((provider) => provider.name === name) ?? null);
  const takeReports: TakeReports = createReportTaking({ ...reporting, findProvider });
  return {
    wake: tracer.detached(outbox.wake),
    inbox,
    takeReports,
    carrierStatus: (app) => statusOf(app, carriers, { health, failing: learned.failing() }),
    testCarrier: (name) => testAppCarrier(appCarriers, name),
  };
}

async function reportHookOf(
  { core, directory }: { readonly core: Core; readonly directory: Pick<Directory, "findApp"> },
  appId: string,
): Promise<ReportHook | null> {
  const reread = async () => (await core.deps.store.apps.findApp(appId))?.deliveryReportHook ?? null;
  const found = await withSecret(core.hookSecrets, directory.findApp(appId)?.deliveryReportHook ?? null, reread);
  return found && { url: found.hook.url, format: found.hook.format ?? "latchkey", secret: found.secret };
}

/** Logs at once which provider can't be used, before the first person signs in. The start does not wait for it. */
async function warnOfProviders(providers: readonly Provider[], log: Log, signal: AbortSignal): Promise<void> {
  const check = async (provider: Provider): Promise<void> => {
    const trouble = (await provider.check?.()) ?? null;
    if (trouble !== null && !signal.aborted)
      log.error({ provider: provider.name, detail: trouble }, "codes can't be sent now; they wait");
  };
  await Promise.all(providers.map(check));
}
