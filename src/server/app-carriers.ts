import type { Directory } from "../apps/directory.js";
import type { Provider } from "../delivery/provider.js";
import { atMost } from "../lib/at-most.js";
import type { TestedCarrier } from "../messages/test-provider.js";
import type { App } from "../model/app.js";
import { type AppCarrier, nameInDeployment } from "../model/carrier.js";
import type { Channel } from "../model/channel.js";
import { unopened } from "./open-app-carrier.js";

/** The carriers of apps. Each is opened when it is first used, and closed when it changes or many others were used since. */
export interface AppCarriers {
  /**
   * Returns the carriers that an app has for a channel, in order of preference. Null if it has none, so that it uses those of the
   * deployment. Rejects if the store can't be read.
   */
  of(message: { readonly appId: string; readonly channel: Channel }): Promise<readonly Provider[]> | null;
  /** Returns the carrier of a name such as `shop/sms`, or null if there is none. Rejects if the store can't be read. */
  find(name: string): Promise<Provider | null>;
  /** Closes the carriers that were changed or removed. */
  sweep(): void;
  close(): Promise<void>;
}

export interface AppCarriersDeps {
  readonly directory: Pick<Directory, "findApp" | "refresh">;
  /** Returns null if the settings of the carrier can't be opened. */
  readonly open: (app: App, carrier: AppCarrier) => Promise<Provider | null>;
  /** Called with each carrier that was opened. */
  readonly onOpened?: (provider: Provider) => void;
  /** Called with the name of each carrier that is closed. */
  readonly onClosed?: (name: string) => void;
  /** How many are open at a time. Default: 256. */
  readonly openedMax?: number;
}

interface Opened {
  readonly app: App;
  readonly carrier: AppCarrier;
  readonly provider: Promise<Provider | null>;
}

export function createAppCarriers(deps: AppCarriersDeps): AppCarriers {
  const { directory, openedMax = 256 } = deps;
  /** By key id, the least recently used first. */
  const opened = new Map<string, Opened>();

  function providerOf(app: App, carrier: AppCarrier): Promise<Provider | null> {
    const known = opened.get(carrier.keyId);
    const entry = known !== undefined && isCurrent(known, app) ? known : replace(app, carrier);
    opened.delete(carrier.keyId);
    opened.set(carrier.keyId, entry);
    if (opened.size > openedMax) drop(opened.values().next().value!);
    return entry.provider;
  }

  /** What is known about an earlier carrier of the name, such as wrong credentials, does not count for the new one. */
  function replace(app: App, carrier: AppCarrier): Opened {
    for (const entry of [...opened.values()])
      if (entry.app.appId === app.appId && entry.carrier.name === carrier.name) drop(entry);
    return open(app, carrier);
  }

  function open(app: App, carrier: AppCarrier): Opened {
    const provider = deps.open(app, carrier).then((made) => (made === null ? null : closedWhenIdle(made)));
    const entry: Opened = { app, carrier, provider };
    // What can't be opened now is tried again at the next use.
    const forget = (): void => {
      if (opened.get(carrier.keyId) === entry) opened.delete(carrier.keyId);
    };
    provider.then((made) => (made === null ? forget() : deps.onOpened?.(made)), forget);
    return entry;
  }

  function drop(entry: Opened): void {
    const { app, carrier, provider } = entry;
    if (opened.get(carrier.keyId) === entry) opened.delete(carrier.keyId);
    deps.onClosed?.(nameInDeployment(app.appId, carrier));
    void provider.then((made) => made?.close()).catch(() => {});
  }

  async function allOf(appId: string, wanted: (carrier: AppCarrier) => boolean): Promise<readonly Provider[]> {
    for (let isRepeat = false; ; isRepeat = true) {
      const app = directory.findApp(appId);
      if (app === null) return [];
      const own = app.carriers.filter(wanted);
      const providers = await Promise.all(own.map((carrier) => providerOf(app, carrier)));
      if (isRepeat || !providers.includes(null)) return providers.map((made, index) => made ?? unopened(app, own[index]!));
      // Another process may have replaced the carrier just now.
      await directory.refresh();
    }
  }

  return {
    of({ appId, channel }) {
      const isOf = (carrier: AppCarrier): boolean => carrier.channel === channel;
      return directory.findApp(appId)?.carriers.some(isOf) ? allOf(appId, isOf) : null;
    },
    async find(name) {
      const [appId = "", ownName = ""] = name.split("/");
      const [provider] = await allOf(appId, (carrier) => carrier.name === ownName);
      return provider ?? null;
    },
    sweep() {
      for (const entry of [...opened.values()]) if (!isCurrent(entry, directory.findApp(entry.app.appId))) drop(entry);
    },
    async close() {
      const all = [...opened.values()];
      opened.clear();
      await Promise.allSettled(all.map(async ({ provider }) => await (await provider)?.close()));
    },
  };
}

/** A call has 10 s. */
const testMaxMs = 8_000;

/** Connects to a carrier without sending, for `limitMs` at most. See `TestProviderDeps`. */
export async function testAppCarrier(
  carriers: Pick<AppCarriers, "find">,
  name: string,
  limitMs = testMaxMs,
): Promise<TestedCarrier | null> {
  const provider = await carriers.find(name);
  if (provider === null) return null;
  if (provider.check === undefined) return "unknown";
  let problem: string | null = "the carrier did not answer in time: check its host and port";
  const check = provider.check().then((found) => {
    problem = found;
  });
  await atMost(limitMs, check);
  return { problem };
}

/** Mail names the app as its sender. */
function isCurrent({ app, carrier }: Opened, now: App | null): boolean {
  return now?.displayName === app.displayName && now.carriers.some(({ keyId }) => keyId === carrier.keyId);
}

/** Returns the same provider, whose `close` waits for running sends. A later send asks to try again, which finds the new carrier. */
function closedWhenIdle(provider: Provider): Provider {
  let running = 0;
  let isClosing = false;
  return {
    ...provider,
    async send(message) {
      if (isClosing) return { kind: "unavailable", detail: "the settings of the carrier have just changed" };
      running += 1;
      try {
        return await provider.send(message);
      } finally {
        running -= 1;
        if (isClosing && running === 0) void provider.close().catch(() => {});
      }
    },
    async close() {
      isClosing = true;
      if (running === 0) await provider.close();
    },
  };
}
