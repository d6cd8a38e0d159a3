import { SettingError } from "../../config/setting.js";
import type { NamedProviderSpec, Settings } from "../../config/settings.js";
import type { CarrierSecrets } from "../../crypto/carrier-secrets.js";
import type { App } from "../../model/app.js";
import { type AppCarrier, nameInDeployment } from "../../model/carrier.js";
import { readAppCarrier } from "../../server/read-app-carrier.js";

/** Returns whether a carrier reports what became of messages. Undefined if there is none of this name, such as development's inbox. */
export type ReportsOf = (provider: string | null) => boolean | undefined;

/** Returns what knows the carriers of the settings and those of an app, whose sealed settings it opens. */
export async function reportsOf(
  settings: Pick<Settings, "carriers" | "mode">,
  app: Pick<App, "appId" | "carriers">,
  secrets: Pick<CarrierSecrets, "find">,
): Promise<ReportsOf> {
  const all = new Map(settings.carriers.map((carrier) => [carrier.name, sendsReports(carrier)]));
  for (const carrier of app.carriers) {
    all.set(nameInDeployment(app.appId, carrier), await ownSendsReports(settings, carrier, secrets));
  }
  return (provider) => all.get(provider ?? "");
}

/** Returns true if the settings of an app's carrier can't be opened here: the service may have their key. */
async function ownSendsReports(
  { mode }: Pick<Settings, "mode">,
  { keyId, channel }: AppCarrier,
  secrets: Pick<CarrierSecrets, "find">,
): Promise<boolean> {
  const found = await secrets.find(keyId);
  if (found === null) return true;
  try {
    return sendsReports({ spec: readAppCarrier(found, { channel, isProduction: mode === "production" }) });
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    return true;
  }
}

/** Whether a carrier reports what became of a message. The messages of others stay `sent`. */
function sendsReports({ spec }: Pick<NamedProviderSpec, "spec">): boolean {
  switch (spec.kind) {
    case "smtp":
    case "ses":
    case "sns":
      return false;
    case "vonage":
      return spec.vonage.signatureSecret !== null;
    case "http-gateway":
      return spec.settings.gateway.reports !== null;
    case "smpp":
    case "twilio":
      return true;
  }
}
