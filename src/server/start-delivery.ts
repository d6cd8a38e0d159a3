import type { Directory } from "../apps/directory.js";
import type { Settings } from "../config/settings.js";
import type { CheckedProvider, Provider } from "../delivery/channel.js";
import { createConsoleProvider } from "../delivery/console.js";
import { deliver } from "../delivery/deliver.js";
import { createInbox, type Inbox } from "../delivery/inbox.js";
import { startOutbox } from "../delivery/outbox.js";
import { createSmtpProvider } from "../delivery/smtp.js";
import type { Log } from "../lib/log.js";
import type { EpochMs } from "../model/time.js";
import type { Recorder } from "../telemetry/metrics.js";
import { traceDelivery, traceProviders } from "../telemetry/traced.js";
import type { Tracer } from "../telemetry/tracer.js";
import type { Closers } from "./closers.js";
import type { Core } from "./core.js";

export interface StartedDelivery {
  /** Sends messages at this time, without waiting for the next regular look. */
  readonly wake: (dueAt: EpochMs) => void;
  /** Null in production. */
  readonly inbox: Inbox | null;
}

/** Starts sending what the outbox holds. `providers` are used instead of those that the settings name. */
export function startDelivery(
  settings: Settings,
  given: {
    readonly core: Core;
    readonly directory: Pick<Directory, "findApp">;
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
  const { core, directory, recorder, tracer, closers, print = (text) => void process.stdout.write(text) } = given;
  const { clock, store } = core.deps;
  const inbox = settings.mode === "development" ? createInbox(clock) : null;
  const providers = given.providers ?? providersOf(settings, inbox, print);
  closers.push(async () => void (await Promise.all(providers.map((provider) => provider.close()))));
  const check = new AbortController();
  closers.push(async () => check.abort());
  void warnOfProviders(providers, given.plainLog, check.signal);
  const outbox = startOutbox({
    store,
    clock,
    log: given.log,
    openCode: core.openCode,
    isForeign: core.isForeign,
    providers: traceProviders(providers, tracer),
    deliver: traceDelivery(deliver, tracer),
    appNameOf: (appId) => directory.findApp(appId)?.displayName || settings.appName,
    onTry: recorder.tryEnded,
  });
  closers.push(() => outbox.stop());
  return { wake: tracer.detached(outbox.wake), inbox };
}

function providersOf(settings: Settings, inbox: Inbox | null, print: (text: string) => void): (Provider | CheckedProvider)[] {
  const providers: (Provider | CheckedProvider)[] = [];
  if (inbox !== null) providers.push(inbox, createConsoleProvider(print));
  if (settings.smtp !== null) providers.push(createSmtpProvider(settings.smtp));
  return providers;
}

/** Logs at once which provider can't be used, before the first person signs in. The start does not wait for it. */
async function warnOfProviders(
  providers: readonly (Provider | CheckedProvider)[],
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const check = async (provider: Provider | CheckedProvider): Promise<void> => {
    const trouble = "check" in provider ? await provider.check() : null;
    if (trouble !== null && !signal.aborted)
      log.error({ provider: provider.name, detail: trouble }, "codes can't be sent now; they wait");
  };
  await Promise.all(providers.map(check));
}
