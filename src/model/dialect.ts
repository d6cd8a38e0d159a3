import type { AppPolicy } from "./app-policy.js";
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

/**
 * What a vendor documents about its service. For calls through its dialect these values come before those of the deployment and after
 * those that an app has set.
 */
export const dialectPolicies: Readonly<Record<Dialect, AppPolicy>> = {
  biot: { codeTtlMs: 2 * minute, codeLength: 6 },
  bridgekeeper: {},
  solidx: { codeTtlMs: 5 * minute, registrationSources: ["email"] },
  transmit: { accessTokenTtlMs: 3_600 * second, trustClaims: true },
  beem: {},
  twilio: { codeTtlMs: 10 * minute, codeLength: 6 },
  supabase: { codeLength: 6, refreshGraceMs: 60 * second },
  vonage: {},
  camara: {},
};

/** The texts that a vendor documents. Only apps that are created with its preset have them. */
export const dialectTexts: Readonly<Partial<Record<Dialect, readonly AppText[]>>> = {
  biot: [{ channel: "sms", wording: "", locale: "", subject: "", text: "Hello, your user verification code is {otp}." }],
};
