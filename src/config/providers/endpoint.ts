import { SettingError } from "../setting.js";
import { insecureOverNetwork, type ProviderContext, type ProviderUrl } from "./provider-url.js";

/** Where a provider's HTTP API is. */
export interface Endpoint {
  /** Scheme, host and port, without a slash at the end. */
  readonly origin: string;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
  /** Whether http is used. Left out: no. */
  readonly insecure?: boolean;
  /** Whether the URL came over the network, so that only addresses that the operator allows may be connected to. */
  readonly publicOnly: boolean;
}

/** The parameters that `readEndpoint` reads. */
export const endpointParameters = ["ca", "insecure"] as const;

/** Reads host, port, `ca` and `insecure` of a provider's URL. Throws SettingError. */
export function readEndpoint(url: ProviderUrl, { isProduction, readText }: ProviderContext): Endpoint {
  if (!/^[a-z0-9.:-]+$/.test(url.host))
    throw new SettingError("must have a plain host name, such as that of the provider's API");
  if (!["", "/"].includes(url.path)) throw new SettingError("must have no path: remove everything between the host and the ?");
  const host = url.host.includes(":") ? `[${url.host}]` : url.host;
  const rest = `${host}${url.port === null ? "" : `:${url.port}`}`;
  const publicOnly = readText === null;
  const [ca, insecure] = [url.parameter("ca"), url.parameter("insecure")];
  if (insecure !== undefined) {
    if (readText === null) throw new SettingError(insecureOverNetwork);
    if (insecure !== "1") throw new SettingError("must have no value but 1 as `insecure`: remove it, or write insecure=1");
    if (isProduction)
      throw new SettingError("must not have `insecure` in production, because codes would be sent unencrypted: remove it");
    if (ca !== undefined) throw new SettingError("must not have both `ca` and `insecure`: remove one");
    return { origin: `http://${rest}`, insecure: true, publicOnly };
  }
  if (ca === undefined) return { origin: `https://${rest}`, publicOnly };
  if (readText === null) throw new SettingError("must not have `ca`, because it names a file of the server: remove it");
  const pem = readText(ca);
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new SettingError("must name a file of PEM certificates as `ca`");
  return { origin: `https://${rest}`, ca: pem, publicOnly };
}
