import { bracketed } from "../../lib/host.js";
import { SettingError } from "../setting.js";
import { type ProviderContext, type ProviderUrl, requireHost } from "./provider-url.js";
import { readTrust, type Trust } from "./trust.js";

/** Where a provider's HTTP API is. */
export interface Endpoint extends Trust {
  /** Scheme, host and port, without a slash at the end. The scheme is http if `insecure`. */
  readonly origin: string;
}

/** Reads host, port, `ca` and `insecure` of a provider's URL. Throws SettingError. */
export function readEndpoint(url: ProviderUrl, form: string, context: ProviderContext): Endpoint {
  requireHost(url, form);
  const trust = readTrust(url, context);
  if (trust.insecure && trust.ca !== null) throw new SettingError("must not have both `ca` and `insecure`: remove one");
  const origin = `${trust.insecure ? "http" : "https"}://${bracketed(url.host)}${url.port === null ? "" : `:${url.port}`}`;
  return { ...trust, origin };
}
