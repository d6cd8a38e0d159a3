import { X509Certificate } from "node:crypto";
import { SettingError } from "../setting.js";
import { type PemFile, readPem } from "./pem-file.js";
import type { ProviderContext, ProviderUrl } from "./provider-url.js";

/** Which servers the connections of a provider trust. */
export interface Trust {
  /** PEM certificates to trust instead of the system's. Null: the system's. */
  readonly ca: string | null;
  /** Whether any certificate is accepted and, by providers that speak HTTP, http. Never in production and never over the network. */
  readonly insecure: boolean;
}

/** The parameters that `readTrust` reads. */
export const trustParameters = ["ca", "insecure"] as const;

const certificates: PemFile = {
  parameter: "ca",
  what: "certificates that end with the authority's",
  check: (pem) => void new X509Certificate(pem),
};

/** Reads `ca` and `insecure` of a provider's URL. Throws SettingError. */
export function readTrust({ parameter }: Pick<ProviderUrl, "parameter">, context: ProviderContext): Trust {
  const insecure = parameter("insecure");
  if (insecure !== undefined) {
    if (context.readText === null) {
      throw new SettingError("must not have `insecure`, because it comes over the network: remove it");
    }
    if (insecure !== "1") throw new SettingError("must have 1 as `insecure`, or no `insecure`");
    if (context.isProduction) {
      throw new SettingError("must not have `insecure` in production, because others could read codes on their way: remove it");
    }
  }
  return { ca: readPem(parameter("ca"), certificates, context), insecure: insecure !== undefined };
}
