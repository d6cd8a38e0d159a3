import type { Settings } from "../config/settings.js";
import type { CarrierHealth } from "../delivery/carrier-health.js";
import type { DeliverDeps } from "../delivery/deliver.js";
import type { Provider } from "../delivery/provider.js";
import type { CarrierStatus } from "../model/carrier.js";
import { type Channel, channels } from "../model/channel.js";
import type { EpochMs } from "../model/time.js";
import { createCarrier } from "./create-provider.js";

/** A provider that the settings name for a channel. */
export interface Carrier {
  /** The protocol or vendor, such as `smtp`. */
  readonly kind: string;
  readonly channel: Channel;
  readonly provider: Provider;
}

/** Creates the carriers of the settings, in order of preference. */
export function createCarriers(
  { issuer, carriers }: Pick<Settings, "issuer" | "carriers">,
  clock: () => EpochMs,
): readonly Carrier[] {
  return carriers.map((spec) => ({
    kind: spec.spec.kind,
    channel: spec.channel,
    provider: createCarrier(spec, { issuer, clock }),
  }));
}

/** Returns each provider once for each channel that it carries. Its name stands for its kind. */
export function onEveryChannel(providers: readonly Provider[]): readonly Carrier[] {
  return providers.flatMap((provider) => provider.channels.map((channel) => ({ kind: provider.name, channel, provider })));
}

/** Returns what finds the carriers of a message. */
export function carriersByChannel(carriers: readonly Carrier[]): DeliverDeps["carriersOf"] {
  const byChannel = new Map(
    channels.map((name) => [name, carriers.filter(({ channel }) => channel === name).map(({ provider }) => provider)]),
  );
  return ({ channel }) => byChannel.get(channel) ?? [];
}

/** Returns the carriers as operators see them: channel by channel, each in order of preference. */
export function statusOf(carriers: readonly Carrier[], health: CarrierHealth): readonly CarrierStatus[] {
  return channels.flatMap((name) =>
    carriers
      .filter(({ channel }) => channel === name)
      .map(({ kind, channel, provider }) => ({ name: provider.name, kind, channel, health: health.of(provider.name) })),
  );
}
