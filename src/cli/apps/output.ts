import { escapeControls } from "../../lib/escape.js";
import type { AppRecord, RegistrationHook } from "../../model/app.js";
import type { AppPolicy } from "../../model/app-policy.js";
import type { ClientRecord } from "../../model/client.js";
import { type PolicyField, type PolicyOrigin, policyFields, policyKeys } from "../../model/policy-fields.js";
import { durationText } from "../../model/policy-rules.js";
import type { EpochMs } from "../../model/time.js";
import { twilioIdsOf } from "../../model/vendor-ids.js";
import type { AppWording } from "../../model/wording.js";
import type { StoredClient } from "../../store/port/apps.js";
import type { Io } from "../io.js";

/** A value as people and scripts read it. */
type Shown = string | number | boolean | null | readonly string[] | { readonly [name: string]: Shown } | readonly Shown[];
export type Fields = { readonly [name: string]: Shown };

/** The stable JSON form of an app. Times are RFC 3339 texts. */
export function appFields(app: AppRecord): Fields {
  return {
    app_id: app.appId,
    number: app.number,
    pool_id: app.poolId,
    display_name: app.displayName,
    logo_url: app.logoUrl,
    support_address: app.supportAddress,
    allowed_origins: app.allowedOrigins,
    audience: app.audience,
    roles: app.roles,
    owner_organization: app.ownerOrganization,
    policy: policyValues(app.policy),
    registration_hook: app.registrationHook && hookFields(app.registrationHook),
    delivery_report_hook: app.deliveryReportHook && {
      url: app.deliveryReportHook.url,
      format: app.deliveryReportHook.format ?? "latchkey",
    },
    wording: wordingFields(app.wording),
    state: app.state,
    created_at: timeText(app.createdAt),
  };
}

/** The stable JSON form of an app's wording, without its texts. */
export function wordingFields({ senderName, accentColor, linkHosts, senderIds, autofill }: AppWording): Fields {
  return {
    sender_name: senderName,
    accent_color: accentColor,
    link_hosts: linkHosts,
    sender_ids: senderIds,
    autofill: { web_host: autofill.webHost, android_hash: autofill.androidHash },
  };
}

function hookFields({ url, failOpen }: RegistrationHook): Fields {
  return { url, on_failure: failOpen ? "allow" : "refuse" };
}

/** The stable JSON form of a client. It never has a secret or a hash of one. */
export function clientFields({ client, secrets }: StoredClient): Fields {
  return {
    client_id: client.clientId,
    app_id: client.appId,
    kind: client.kind,
    display_name: client.displayName,
    scopes: client.scopes,
    allowed_origins: client.allowedOrigins,
    dialects: client.dialects,
    ...(client.dialects.includes("twilio") && { twilio: twilioFields(client) }),
    hosts: client.hosts,
    redirect_uris: client.redirectUris,
    verify_by_identifier: client.verifyByIdentifier,
    aliases: client.aliases,
    jwks: client.jwks === "" ? null : (JSON.parse(client.jwks) as Fields),
    allowed_addresses: client.allowedAddresses,
    is_default: client.isDefault,
    state: client.state,
    created_at: timeText(client.createdAt),
    secrets: secrets.map((secret) => ({
      secret_id: secret.secretId,
      created_at: timeText(secret.createdAt),
      expires_at: secret.expiresAt === null ? null : timeText(secret.expiresAt),
      last_used_at: secret.lastUsedAt === null ? null : timeText(secret.lastUsedAt),
    })),
  };
}

function twilioFields(client: ClientRecord): Fields {
  const { accountSid, serviceSid } = twilioIdsOf(client);
  return { account_sid: accountSid, service_sid: serviceSid };
}

/** Values of a policy by their names. Durations are texts such as `5m`. */
export function policyValues(policy: AppPolicy): Fields {
  const set = policyKeys.filter((key) => policy[key] !== undefined);
  return Object.fromEntries(set.map((key) => [policyFields[key].name, shownValue(policyFields[key], policy[key])]));
}

/** The stable JSON form of an effective policy: value, source and, if one gives it, setting of each name. */
export function effectiveFields(policy: AppPolicy, origins: readonly PolicyOrigin[]): Fields {
  const entries = origins.map(({ key, source, setting }) => {
    const value = shownValue(policyFields[key], policy[key]);
    return [policyFields[key].name, { value, source, ...(setting !== null && { setting }) }] as const;
  });
  return Object.fromEntries(entries);
}

/** The effective policy for people: one line a value. */
export function effectiveLines(policy: AppPolicy, origins: readonly PolicyOrigin[]): string[] {
  return origins.map(({ key, source, setting }) => {
    const value = shownValue(policyFields[key], policy[key]);
    const from = setting === null ? source : `${source} ${setting}`;
    return `${policyFields[key].name.padEnd(22)} ${(textOf(value) || "-").padEnd(14)} ${from}`.trimEnd();
  });
}

function shownValue(field: PolicyField, value: unknown): Shown {
  if (value === undefined) return null;
  return field.kind === "duration" ? durationText(value as number) : (value as Shown);
}

/** Prints JSON on one line with `--json`, and the lines otherwise. */
export function print(io: Io, { json }: { readonly json?: boolean }, fields: Shown, lines: readonly string[]): void {
  if (json === true) io.out(JSON.stringify(fields));
  else for (const line of lines) io.out(escapeControls(line));
}

/** Fields for people: one line each, those without a value left out. */
export function fieldLines(fields: Fields): string[] {
  return Object.entries(fields)
    .map(([name, value]) => [name, textOf(value)] as const)
    .filter(([, text]) => text !== "")
    .map(([name, text]) => `${name.padEnd(22)} ${text}`);
}

function textOf(value: Shown): string {
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (Array.isArray(value)) return value.map(textOf).join(value.some((item) => typeof item === "object") ? "; " : ", ");
  if (typeof value !== "object") return String(value);
  const pairs = Object.entries(value).map(([name, inner]) => [name, textOf(inner)] as const);
  return pairs
    .filter(([, text]) => text !== "")
    .map((pair) => pair.join(" "))
    .join(", ");
}

export function timeText(at: EpochMs): string {
  return new Date(at).toISOString();
}
