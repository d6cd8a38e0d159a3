import type { ProviderSpec } from "../config/providers/read-provider.js";
import type { NamedProviderSpec, Settings } from "../config/settings.js";
import type { Provider } from "../delivery/provider.js";
import { createHttpGatewayProvider } from "../delivery/providers/http-gateway.js";
import { createSesProvider } from "../delivery/providers/ses.js";
import { createSmppProvider } from "../delivery/providers/smpp.js";
import { createSmtpProvider } from "../delivery/providers/smtp.js";
import { createSnsProvider } from "../delivery/providers/sns.js";
import { createTwilioProvider } from "../delivery/providers/twilio.js";
import { createVonageProvider } from "../delivery/providers/vonage.js";
import type { EpochMs } from "../model/time.js";
import type { AddressRules } from "../outbound/checked-lookup.js";

/** What every provider gets besides its own settings. */
export interface ProviderDeps {
  /** Unique in the deployment. */
  readonly name: string;
  /** Where the carrier posts reports about messages. */
  readonly reportsUrl: string;
  readonly clock: () => EpochMs;
  /** Which addresses a provider that came over the network may connect to. Undefined: the operator of this machine chose them. */
  readonly addresses: AddressRules | undefined;
}

/** Creates the provider of one of the deployment's carriers. It connects when it is first used. */
export function createCarrier(
  { name, spec }: NamedProviderSpec,
  given: Pick<Settings, "issuer"> & Pick<ProviderDeps, "clock">,
): Provider {
  const { issuer, clock } = given;
  return createProvider(spec, { name, reportsUrl: `${issuer}/delivery/reports/${name}`, clock, addresses: undefined });
}

/** Creates the provider that settings describe. It connects when it is first used. */
export function createProvider(spec: ProviderSpec, deps: ProviderDeps): Provider {
  const { clock, addresses } = deps;
  switch (spec.kind) {
    case "smpp":
      return { ...createSmppProvider({ ...spec.smpp, clock, addresses }), name: deps.name };
    case "smtp":
      return { ...createSmtpProvider({ ...spec.smtp, addresses }), name: deps.name };
    case "http-gateway":
      return createHttpGatewayProvider({ ...spec.settings, ...deps });
    case "ses":
      return createSesProvider({ ...spec.ses, name: deps.name, addresses });
    case "sns":
      return createSnsProvider({ ...spec.sns, name: deps.name, addresses });
    case "twilio":
      return createTwilioProvider(spec.twilio, deps);
    case "vonage":
      return createVonageProvider(spec.vonage, deps);
  }
}
