import { originsOfGateway, parseInlineGateway } from "../config/providers/gateway-url.js";
import { type ProviderSpec, readProvider } from "../config/providers/read-provider.js";
import { SettingError } from "../config/setting.js";
import { bracketed } from "../lib/host.js";
import type { CheckCarrier } from "../messages/put-provider.js";
import type { AppCarrierSettings } from "../model/carrier.js";
import type { Channel } from "../model/channel.js";
import type { Outbound } from "../outbound/outbound.js";

/** Reads the settings of an app's carrier, which may use nothing of this machine. Throws SettingError. */
export function readAppCarrier(
  { url, gateway }: AppCarrierSettings,
  { channel, isProduction }: { readonly channel: Channel; readonly isProduction: boolean },
): ProviderSpec {
  if (gateway !== "") return { kind: "http-gateway", settings: parseInlineGateway(gateway, channel, isProduction) };
  if (url.includes("#")) throw new SettingError('must have no "#": write it as %23 in a password, and give the name apart');
  return readProvider(url, channel, { isProduction, readText: null });
}

/** Returns a check of an app's carrier: its form, and the addresses that its hosts have now. Each connection checks them again. */
export function createCarrierCheck(
  outbound: Pick<Outbound, "problemOf">,
  { isProduction }: { readonly isProduction: boolean },
): CheckCarrier {
  return async ({ channel, settings }) => {
    let spec: ProviderSpec;
    try {
      spec = readAppCarrier(settings, { channel, isProduction });
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      return { isAccepted: false, problem: error.message };
    }
    const destinations = destinationsOf(spec);
    for (const destination of destinations) {
      const problem = await outbound.problemOf(destination);
      if (problem !== null) return { isAccepted: false, problem };
    }
    const { protocol, host } = new URL(settings.gateway === "" ? settings.url : destinations[0]!);
    return { isAccepted: true, kind: spec.kind, origin: `${protocol}//${host}` };
  };
}

/**
 * Returns where a carrier is, as URLs whose addresses can be checked. Mail servers and message centers are written as https, because
 * their protocols have rules of their own for encryption. Amazon's hosts follow from the region.
 */
function destinationsOf(spec: ProviderSpec): readonly string[] {
  switch (spec.kind) {
    case "smtp":
      return [`https://${bracketed(spec.smtp.host)}/`];
    case "smpp":
      return [`https://${bracketed(spec.smpp.host)}/`];
    case "http-gateway":
      return originsOfGateway(spec.settings.gateway);
    case "twilio":
      return [`${spec.twilio.origin}/`];
    case "vonage":
      return [`${spec.vonage.origin}/`];
    case "ses":
    case "sns":
      return [];
  }
}
