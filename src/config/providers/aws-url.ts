import { Secret } from "../../lib/secret.js";
import { SettingError } from "../setting.js";
import { type ProviderContext, type ProviderUrl, splitProviderUrl } from "./provider-url.js";
import { readTrust, type Trust } from "./trust.js";

/** What the URLs of Amazon's services have in common. */
export interface Aws extends Trust {
  readonly region: string;
  /** Null: the SDK finds those of this process. A URL that came over the network always has some. */
  readonly credentials: AwsCredentials | null;
  /** The URL of another endpoint than the region's. Null: none. */
  readonly endpoint: string | null;
}

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret<string>;
}

export interface AwsUrl extends Aws {
  readonly parameter: ProviderUrl["parameter"];
}

/**
 * Splits `ses://eu-central-1?…` or `sns://…`. Throws SettingError. A URL that came over the network must have credentials of its own,
 * because the SDK would find those of this process. Others have none.
 */
export function splitAwsUrl(
  text: string,
  { form, known, context }: { readonly form: string; readonly known: readonly string[]; readonly context: ProviderContext },
): AwsUrl {
  const url = splitProviderUrl(text, { form, known: [...known, "endpoint", "insecure"] });
  const isRemote = context.readText === null;
  if (!isRemote && (url.user !== "" || url.password !== "")) {
    throw new SettingError(
      `must be ${form}, without credentials: the AWS SDK finds them in the environment, a profile or a role`,
    );
  }
  if (!["", "/"].includes(url.path) || url.port !== null) throw new SettingError(`must be ${form}, without a port and a path`);
  if (!/^[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}$/.test(url.host)) {
    throw new SettingError(`must be ${form}, with a region such as eu-central-1 in place of a host`);
  }
  const { parameter } = url;
  const found = { region: url.host, parameter, credentials: isRemote ? readCredentials(url) : null };
  const trust = readTrust(url, context);
  if (isRemote && parameter("endpoint") !== undefined) {
    throw new SettingError("must not have `endpoint`, because it comes over the network: remove it");
  }
  return { ...found, ...trust, endpoint: readEndpoint(parameter("endpoint"), trust) };
}

/** https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html: ids have 16 to 128 letters, digits and underscores. */
function readCredentials({ user, password }: ProviderUrl): AwsCredentials {
  if (!/^\w{16,128}$/.test(user) || !/^[\x21-\x7e]{16,256}$/.test(password)) {
    throw new SettingError("must have the id of an access key as its user, and its secret, with / as %2F, as its password");
  }
  return { accessKeyId: user, secretAccessKey: new Secret(password) };
}

function readEndpoint(text: string | undefined, { insecure }: Trust): string | null {
  if (text === undefined) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (isPlain && (url.protocol === "https:" || (insecure && url.protocol === "http:"))) return text;
  throw new SettingError(
    "must have an https URL without user and query as `endpoint`: http works with insecure=1, and only outside production",
  );
}
