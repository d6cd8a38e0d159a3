import type { Settings } from "../config/settings.js";
import type { DeliverDeps } from "../delivery/deliver.js";
import type { Provider } from "../delivery/provider.js";
import { type Channel, channels } from "../model/channel.js";
import { createCarrier } from "./create-provider.js";

/** A provider that the settings name for a channel. */
export interface Carrier {
  readonly channel: Channel;
  readonly provider: Provider;
}

/** Creates the carriers of the settings, in order of preference. */
export function createCarriers(settings: Settings): readonly Carrier[] {
  return settings.carriers.map((spec) => ({ channel: spec.channel, provider: createCarrier(spec, settings) }));
}

/** Returns each provider once for each channel that it carries. */
export function onEveryChannel(providers: readonly Provider[]): readonly Carrier[] {
  return providers.flatMap((provider) => provider.channels.map((channel) => ({ channel, provider })));
}

/** Returns what finds the carriers of a message. */
export function carriersByChannel(carriers: readonly Carrier[]): DeliverDeps["carriersOf"] {
  const byChannel = new Map(
    channels.map((name) => [name, carriers.filter(({ channel }) => channel === name).map(({ provider }) => provider)]),
  );
  return ({ channel }) => byChannel.get(channel) ?? [];
}
