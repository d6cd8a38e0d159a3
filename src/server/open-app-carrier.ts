import { withSenderName } from "../config/carriers.js";
import { SettingError } from "../config/setting.js";
import type { Settings } from "../config/settings.js";
import type { CarrierSecrets } from "../crypto/carrier-secrets.js";
import type { Provider } from "../delivery/provider.js";
import type { App } from "../model/app.js";
import { type AppCarrier, nameInDeployment } from "../model/carrier.js";
import type { EpochMs } from "../model/time.js";
import { createAllowed } from "../outbound/allowed.js";
import type { AddressRules } from "../outbound/checked-lookup.js";
import { createProvider } from "./create-provider.js";
import { readAppCarrier } from "./read-app-carrier.js";

export interface OpenDeps {
  readonly secrets: Pick<CarrierSecrets, "find">;
  readonly settings: Pick<Settings, "mode" | "issuer" | "outboundAllowed">;
  readonly clock: () => EpochMs;
  /** Tests replace it. Default: the system's. */
  readonly resolve?: AddressRules["resolve"];
}

/** The app of a carrier. */
type OfApp = Pick<App, "appId" | "displayName">;

const detailMax = 200;

/**
 * Creates the provider of an app's carrier, which connects when it is first used. Returns null if its settings can't be opened. Settings
 * that this process refuses make a provider that is unavailable. Rejects if the store can't be read.
 */
export async function openAppCarrier(deps: OpenDeps, app: OfApp, carrier: AppCarrier): Promise<Provider | null> {
  const found = await deps.secrets.find(carrier.keyId);
  if (found === null) return null;
  const { settings, clock, resolve } = deps;
  const name = nameInDeployment(app.appId, carrier);
  const addresses = { allowed: createAllowed(settings.outboundAllowed), ...(resolve === undefined ? {} : { resolve }) };
  try {
    const spec = readAppCarrier(found, { channel: carrier.channel, isProduction: settings.mode === "production" });
    const reportsUrl = `${settings.issuer}/delivery/reports/${name}`;
    const provider = createProvider(withSenderName(spec, app.displayName), { name, reportsUrl, clock, addresses });
    return { ...provider, label: labelOf(carrier) };
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    return unavailable(app, carrier, `its settings are refused now, so set it again: ${error.message}`);
  }
}

/** Stands for a carrier whose settings can't be opened. */
export function unopened(app: OfApp, carrier: AppCarrier): Provider {
  const detail =
    "its settings can't be opened, because their master key is not configured: configure the key, or set the carrier again";
  return unavailable(app, carrier, detail);
}

function unavailable(app: OfApp, carrier: AppCarrier, why: string): Provider {
  const detail = why.slice(0, detailMax);
  return {
    name: nameInDeployment(app.appId, carrier),
    label: labelOf(carrier),
    channels: [carrier.channel],
    send: async () => ({ kind: "unavailable", isMisconfigured: true, detail }),
    check: async () => detail,
    close: async () => {},
  };
}

/** Names of the deployment's carriers have no slash. */
function labelOf({ kind }: AppCarrier): string {
  return `app/${kind}`;
}
