import { SettingError } from "../setting.js";
import { readInsecure } from "./gateway-url.js";
import { type ProviderContext, type ProviderUrl, splitProviderUrl } from "./provider-url.js";

/** What the URLs of Amazon's services have in common. */
export interface Aws {
  readonly region: string;
  /** The URL of another endpoint than the region's. Null: none. */
  readonly endpoint: string | null;
  readonly insecure: boolean;
}

export interface AwsUrl extends Aws {
  readonly parameter: ProviderUrl["parameter"];
}

/**
 * Splits `ses://eu-central-1?…` or `sns://…`. Throws SettingError. The SDK finds the credentials of this process, so such a URL
 * can't come over the network.
 */
export function splitAwsUrl(
  text: string,
  { form, known, context }: { readonly form: string; readonly known: readonly string[]; readonly context: ProviderContext },
): AwsUrl {
  const url = splitProviderUrl(text, { form, known: [...known, "endpoint", "insecure"] });
  if (context.readText === null) {
    throw new SettingError("must not use Amazon: its credentials are those of this server, so only the environment can set it");
  }
  if (url.user !== "" || url.password !== "") {
    throw new SettingError(
      `must be ${form}, without credentials: the AWS SDK finds them in the environment, a profile or a role`,
    );
  }
  if (!["", "/"].includes(url.path) || url.port !== null) throw new SettingError(`must be ${form}, without a port and a path`);
  if (!/^[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}$/.test(url.host)) {
    throw new SettingError(`must be ${form}, with a region such as eu-central-1 in place of a host`);
  }
  const insecure = readInsecure(url.parameter("insecure"), context.isProduction);
  return { region: url.host, endpoint: readEndpoint(url.parameter("endpoint"), insecure), insecure, parameter: url.parameter };
}

function readEndpoint(text: string | undefined, insecure: boolean): string | null {
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (isPlain && (url.protocol === "https:" || (insecure && url.protocol === "http:"))) return text;
  throw new SettingError(
    "must have an https URL without user and query as `endpoint`: http works with insecure=1, and only outside production",
  );
}
