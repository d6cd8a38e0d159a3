import { randomBytes } from "node:crypto";
import { policyTable } from "../../src/config/policy-table.js";
import { readSettings } from "../../src/config/settings.js";
import { effectivePolicy, type PolicyField, type PolicyKey, policyFields, policyKeys } from "../../src/model/policy-fields.js";
import { durationText } from "../../src/model/policy-rules.js";

/** What each value of a policy does. The rest of the table is made from the code. */
const meanings: Readonly<Record<PolicyKey, string>> = {
  codeLength: "digits of a code",
  codeTtlMs: "how long a code can be redeemed",
  attemptsMax: "guesses at one challenge",
  lockoutFailures: "wrong codes in a row that lock an account in this app; 0: never",
  lockoutDurationMs: "how long an account stays locked",
  resendCooldownMs: "the wait between the first and the second code to one identifier; later waits are longer",
  sendsMax: "sends of one challenge, the first included",
  sendsPerHour: "sends of one requester to one identifier in an hour",
  sendsPerDay: "the same in a day",
  registrationSources: "contacts that a registration must have and verify",
  codeSignIn: "whether codes sign users in",
  channels: "channels that may carry codes",
  defaultChannel: "the channel for identifiers that any channel may serve, such as usernames",
  registration: "whether public clients may call `RegisterUser`",
  autoRegistration: "whether a sign-in with an unknown contact may create a user",
  publicContactProofs: "whether public clients may ask for `PURPOSE_VERIFY_CONTACT`",
  accessTokenTtlMs: "how long an access token is valid",
  refreshIdleMs: "how long a session lasts without a refresh",
  refreshAbsoluteMs: "how long a session lasts at most",
  refreshGraceMs: "how long a used refresh token still returns the same next token",
  sessionsMax: "sessions of a user in this app; one more ends the least recently used",
  tokenFields: "fields of the user that tokens carry",
  tokenAttributes: "names of the app attributes that tokens carry, in the claim `app`",
  trustClaims:
    "whether a code sent to a [claimed contact](concepts.md#claimed-contacts) signs in a user who has verified another one",
  smsCountries: "countries whose phone numbers get messages; an app can only choose among those of the deployment",
  revealUsers: "whether `SendOtp` and `RegisterUser` [reveal users](#reveal-users)",
};

/** The table of docs/apps.md: names, bounds, defaults and settings as the code has them. */
export function policyMarkdown(): string {
  const development = defaultsIn("development");
  const production = defaultsIn("production");
  const rows = policyKeys.map((key) => {
    const field = policyFields[key];
    const shown = [development, production].map((defaults) => valueText(field, defaults.values[key]));
    const setting = development.settings[key];
    const cells = [
      `\`${field.name}\``,
      meanings[key],
      boundsText(field),
      [...new Set(shown)].join(" / "),
      setting === undefined ? "" : `\`${setting}\``,
    ];
    return `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");
  });
  return ["| value | meaning | bounds | default (development / production) | setting |", "|---|---|---|---|---|", ...rows].join(
    "\n",
  );
}

const newKey = (): string => randomBytes(32).toString("base64");
const secrets = { LATCHKEY_PEPPER: newKey(), LATCHKEY_MASTER_KEY: newKey() };
const deployment = {
  LATCHKEY_ISSUER: "https://auth.example.com",
  LATCHKEY_SMTP_URL: "smtp://mail.example.com?from=codes@example.com",
  LATCHKEY_TLS: "terminated",
};

/** The defaults, and the setting of each value that has one. */
function defaultsIn(mode: "development" | "production") {
  const base = { ...secrets, LATCHKEY_MODE: mode, ...(mode === "production" && deployment) };
  const every = Object.fromEntries(Object.values(policyTable).map(({ name, defaults }) => [name, defaults[mode] ?? ""]));
  const read = (env: Record<string, string>) => {
    const result = readSettings(env, { files: { readText: () => "" } });
    if (!result.ok) throw new Error(result.problems.join("\n"));
    return result.settings;
  };
  return { values: effectivePolicy(read(base).policy), settings: read({ ...base, ...every }).policySettings };
}

function boundsText(field: PolicyField): string {
  switch (field.kind) {
    case "count":
      return `${field.min} to ${field.max}`;
    case "duration": {
      const { minMs, productionMinMs, maxMs } = field;
      const range = `${durationText(minMs)} to ${durationText(maxMs)}`;
      return productionMinMs === undefined ? range : `${range}; in production at least ${durationText(productionMinMs)}`;
    }
    case "switch":
      return "on or off";
    case "choice":
      return field.members.join(" or ");
    case "set":
      return field.members.join(", ");
    case "countries":
      return "ISO 3166-1 alpha-2 codes";
    case "words":
      return `up to ${field.max} names`;
  }
}

function valueText(field: PolicyField, value: unknown): string {
  if (field.name === "registration_sources" && value === undefined) return "every contact that is given";
  if (field.name === "channels") return "all / those that have a carrier";
  if (field.name === "default_channel" && value === undefined) return "email, if it is a channel";
  if (field.name === "sms_countries" && value === undefined) return "all";
  if (field.kind === "duration") return durationText(value as number);
  if (field.kind === "switch") return value === true ? "on" : "off";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(", ");
  return String(value);
}
