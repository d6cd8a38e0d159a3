import { type AppPolicy, resolvePolicy } from "./app-policy.js";
import type { ContactKind } from "./contact.js";
import type { Policy } from "./policy.js";
import type { AppText } from "./wording.js";

/** The vendors whose paths Latchkey serves, in the order of the documentation. */
export const dialects = [
  "biot",
  "bridgekeeper",
  "solidx",
  "transmit",
  "beem",
  "twilio",
  "supabase",
  "vonage",
  "camara",
] as const;
export type Dialect = (typeof dialects)[number];

/** The vendors whose answers about a signed-in user have the organization. */
export const dialectsWithOrganization: ReadonlySet<Dialect> = new Set(["biot"]);

const [second, minute] = [1_000, 60_000];

/** Values of calls through a dialect. */
export interface DialectPolicy extends AppPolicy {
  /** See `Policy.defaultSources`. */
  readonly defaultSources?: readonly ContactKind[];
}

/** What a deployment says about calls of one app through a dialect. */
export interface DialectSettings {
  readonly dialect: Dialect;
  readonly appId: string;
  readonly policy: DialectPolicy;
}

/**
 * What a vendor documents about its service. For calls through its dialect these values come before those of the deployment and after
 * those that an app has set.
 */
export const dialectPolicies: Readonly<Record<Dialect, DialectPolicy>> = {
  biot: { codeTtlMs: 2 * minute, codeLength: 6 },
  bridgekeeper: {},
  solidx: { codeTtlMs: 5 * minute, refreshGraceMs: 60 * second, defaultSources: ["email"] },
  transmit: { accessTokenTtlMs: 3_600 * second, trustClaims: true },
  beem: {},
  twilio: { codeTtlMs: 10 * minute, codeLength: 6, attemptsMax: 5, sendsMax: 5 },
  supabase: { codeLength: 6, refreshGraceMs: 60 * second },
  vonage: {},
  camara: {},
};

/** Returns the policy of calls of an app through a dialect, before the app's own values. */
export function policyInDialect(
  deployment: Policy,
  {
    dialect,
    appId,
    settings,
  }: { readonly dialect: Dialect; readonly appId: string; readonly settings: DialectSettings | null },
): Policy {
  const ofApp = settings?.dialect === dialect && settings.appId === appId ? settings.policy : {};
  const { defaultSources = deployment.defaultSources, ...policy } = { ...dialectPolicies[dialect], ...ofApp };
  return { ...resolvePolicy(policy, deployment), defaultSources };
}

/** The texts that a vendor documents. Only apps that are created with its preset have them. */
export const dialectTexts: Readonly<Partial<Record<Dialect, readonly AppText[]>>> = {
  biot: [{ channel: "sms", wording: "", locale: "", subject: "", text: "Hello, your user verification code is {otp}." }],
};
