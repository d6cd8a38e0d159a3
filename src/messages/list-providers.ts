import type { CarrierStatus } from "../model/carrier.js";

export interface ListProvidersDeps {
  /** Returns the carriers with what this process knows about them, channel by channel, each in order of preference. */
  readonly carrierStatus: () => readonly CarrierStatus[];
}

const errorMax = 200;

/** Lists the carriers of the deployment. All apps share them. The latest error of each is one sentence. */
export function listProviders({ carrierStatus }: ListProvidersDeps): readonly CarrierStatus[] {
  return carrierStatus().map((carrier) => {
    const { lastError } = carrier.health;
    if (lastError === null) return carrier;
    return { ...carrier, health: { ...carrier.health, lastError: { ...lastError, detail: asSentence(lastError.detail) } } };
  });
}

function asSentence(detail: string): string {
  const line = detail.trim().replace(/\s+/g, " ").slice(0, errorMax);
  return `${line.charAt(0).toUpperCase()}${line.slice(1)}${/[.?!…]$/.test(line) ? "" : "."}`;
}
