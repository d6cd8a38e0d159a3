import type { ProviderSpec } from "../config/providers/read-provider.js";
import type { Carrier, Settings } from "../config/settings.js";
import type { Provider } from "../delivery/provider.js";
import { createSmppProvider } from "../delivery/providers/smpp.js";
import { createSmtpProvider } from "../delivery/providers/smtp.js";

/** What every provider gets besides its own settings. */
export interface ProviderDeps {
  /** Unique in the deployment. */
  readonly name: string;
  /** Where the carrier posts reports about messages. */
  readonly reportsUrl: string;
}

/** Creates the provider of one of the deployment's carriers. It connects when it is first used. */
export function createCarrier({ name, spec }: Carrier, { issuer }: Pick<Settings, "issuer">): Provider {
  return createProvider(spec, { name, reportsUrl: `${issuer}/delivery/reports/${name}` });
}

/** Creates the provider that settings describe. It connects when it is first used. */
export function createProvider(spec: ProviderSpec, deps: ProviderDeps): Provider {
  switch (spec.kind) {
    case "smpp":
      return { ...createSmppProvider(spec.smpp), name: deps.name };
    case "smtp":
      return { ...createSmtpProvider(spec.smtp), name: deps.name };
  }
}
