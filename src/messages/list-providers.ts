import { type AccountsDeps, appFor } from "../accounts/deps.js";
import type { Actor } from "../apps/actor.js";
import type { App } from "../model/app.js";
import type { CarrierStatus } from "../model/carrier.js";

export interface ListProvidersDeps extends AccountsDeps {
  /**
   * Returns the carriers of an app and of the deployment with what this process knows about them: channel by channel, the app's own
   * first, each in order of preference.
   */
  readonly carrierStatus: (app: App) => readonly CarrierStatus[];
}

const errorMax = 200;

/** Lists the carriers of an app and of the deployment. The latest error of each is one sentence. Throws what `appFor` throws. */
export async function listProviders(
  deps: ListProvidersDeps,
  actor: Actor,
  { appId }: { readonly appId: string },
): Promise<readonly CarrierStatus[]> {
  const app = await appFor(deps, actor, appId);
  return deps.carrierStatus(app).map((carrier) => {
    const { lastError } = carrier.health;
    if (lastError === null) return carrier;
    return { ...carrier, health: { ...carrier.health, lastError: { ...lastError, detail: asSentence(lastError.detail) } } };
  });
}

export function asSentence(detail: string): string {
  const line = detail.trim().replace(/\s+/g, " ").slice(0, errorMax);
  return `${line.charAt(0).toUpperCase()}${line.slice(1)}${/[.?!…]$/.test(line) ? "" : "."}`;
}
