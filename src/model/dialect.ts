import type { AppPolicy } from "./app-policy.js";

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
  supabase: { refreshGraceMs: 60 * second },
  vonage: {},
  camara: {},
};
