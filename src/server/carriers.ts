import type { Settings } from "../config/settings.js";
import type { CarrierHealth } from "../delivery/carrier-health.js";
import type { Provider } from "../delivery/provider.js";
import type { App } from "../model/app.js";
import { type CarrierStatus, nameInDeployment } from "../model/carrier.js";
import { type Channel, channels } from "../model/channel.js";
import type { FailingRoute } from "../model/route-health.js";
import type { EpochMs } from "../model/time.js";
import { createCarrier } from "./create-provider.js";

/** A provider of the deployment, with the channel that it is used for. */
export interface ChannelProvider {
  /** The protocol or vendor, such as `smtp`. */
  readonly kind: string;
  readonly channel: Channel;
  readonly provider: Provider;
}

/** Creates the carriers of the settings, in order of preference. */
export function createCarriers(
  { issuer, carriers }: Pick<Settings, "issuer" | "carriers">,
  clock: () => EpochMs,
): readonly ChannelProvider[] {
  return carriers.map((named) => ({
    kind: named.spec.kind,
    channel: named.channel,
    provider: createCarrier(named, { issuer, clock }),
  }));
}

/** Returns each provider once for each channel that it carries. Its name stands for its kind. */
export function onEveryChannel(providers: readonly Provider[]): readonly ChannelProvider[] {
  return providers.flatMap((provider) => provider.channels.map((channel) => ({ kind: provider.name, channel, provider })));
}

/** Returns what finds the carriers of a message. */
export function carriersByChannel(
  carriers: readonly ChannelProvider[],
): (message: { readonly channel: Channel }) => readonly Provider[] {
  const byChannel = new Map(
    channels.map((name) => [name, carriers.filter(({ channel }) => channel === name).map(({ provider }) => provider)]),
  );
  return ({ channel }) => byChannel.get(channel) ?? [];
}

function ownOf({ appId, carriers }: Pick<App, "appId" | "carriers">): readonly Omit<CarrierStatus, "health" | "failing">[] {
  return carriers.map(({ kind, channel, name }) => ({ appId, kind, channel, name: nameInDeployment(appId, { name }) }));
}

/** Returns the carriers as operators see them: channel by channel, those of the app first, each in order of preference. */
export function statusOf(
  app: Pick<App, "appId" | "carriers"> | null,
  carriers: readonly ChannelProvider[],
  { health, failing }: { readonly health: Pick<CarrierHealth, "of">; readonly failing: readonly FailingRoute[] },
): readonly CarrierStatus[] {
  const all = [
    ...(app === null ? [] : ownOf(app)),
    ...carriers.map(({ kind, channel, provider: { name } }) => ({ appId: null, kind, channel, name })),
  ];
  return channels.flatMap((wanted) =>
    all
      .filter(({ channel }) => channel === wanted)
      .map((carrier) => ({
        ...carrier,
        health: health.of(carrier.name),
        failing: failing.filter(({ provider, channel }) => provider === carrier.name && channel === carrier.channel),
      })),
  );
}
