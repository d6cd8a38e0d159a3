import type { AppRecord, AppState, DeliveryReportHook, Hook, RegistrationHook } from "../../model/app.js";
import type { AppPolicy } from "../../model/app-policy.js";
import type { AppCarrier } from "../../model/carrier.js";
import type { AppRouting } from "../../model/routing.js";
import type { TestIdentifier } from "../../model/test-identifier.js";
import type { EpochMs } from "../../model/time.js";
import { type AppWording, noWording } from "../../model/wording.js";
import type { AppWorkflows } from "../../model/workflow.js";
import type { Value } from "./cold-database.js";
import { escapeNul, unescapeNul } from "./texts.js";

export interface AppRow {
  app_id: string;
  pool_id: string;
  number: number;
  display_name: string;
  logo_url: string;
  support_address: string;
  allowed_origins: string;
  audience: string;
  policy: string;
  roles: string;
  owner_organization: string;
  /** JSON text, or empty. */
  registration_hook: string;
  /** JSON text, or empty. */
  delivery_report_hook: string;
  /** JSON text of a list. */
  carriers: string;
  /** JSON text, or empty. */
  wording: string;
  /** JSON text of a list. */
  routing: string;
  /** JSON text of a list. */
  workflows: string;
  /** JSON text of a list. */
  test_identifiers: string;
  state: AppState;
  created_at: EpochMs;
}

export const appColumns =
  "app_id, pool_id, number, display_name, logo_url, support_address, allowed_origins, audience, policy, state, created_at, " +
  "roles, owner_organization, registration_hook, delivery_report_hook, carriers, wording, routing, workflows, test_identifiers";

/** Returns the values of `appColumns`. JSON writes U+0000 as an escape, so only plain texts need `escapeNul`. */
export function appValues(app: AppRecord): Value[] {
  return [
    escapeNul(app.appId),
    escapeNul(app.poolId),
    app.number,
    escapeNul(app.displayName),
    escapeNul(app.logoUrl),
    escapeNul(app.supportAddress),
    JSON.stringify(app.allowedOrigins),
    escapeNul(app.audience),
    JSON.stringify(app.policy),
    app.state,
    app.createdAt,
    JSON.stringify(app.roles),
    escapeNul(app.ownerOrganization),
    hookText(app.registrationHook),
    hookText(app.deliveryReportHook),
    JSON.stringify(app.carriers),
    app.wording === noWording ? "" : JSON.stringify(app.wording),
    JSON.stringify(app.routing),
    JSON.stringify(app.workflows),
    JSON.stringify(app.testIdentifiers),
  ];
}

export function toApp(row: AppRow): AppRecord {
  return {
    appId: unescapeNul(row.app_id),
    poolId: unescapeNul(row.pool_id),
    number: row.number,
    displayName: unescapeNul(row.display_name),
    logoUrl: unescapeNul(row.logo_url),
    supportAddress: unescapeNul(row.support_address),
    allowedOrigins: JSON.parse(row.allowed_origins) as string[],
    audience: unescapeNul(row.audience),
    policy: JSON.parse(row.policy) as AppPolicy,
    state: row.state,
    createdAt: row.created_at,
    roles: JSON.parse(row.roles) as string[],
    ownerOrganization: unescapeNul(row.owner_organization),
    registrationHook: hookOf<RegistrationHook>(row.registration_hook),
    deliveryReportHook: hookOf<DeliveryReportHook>(row.delivery_report_hook),
    carriers: JSON.parse(row.carriers) as AppCarrier[],
    wording: row.wording === "" ? noWording : (JSON.parse(row.wording) as AppWording),
    routing: JSON.parse(row.routing) as AppRouting,
    workflows: JSON.parse(row.workflows) as AppWorkflows,
    testIdentifiers: JSON.parse(row.test_identifiers) as TestIdentifier[],
  };
}

function hookText(hook: Hook | null): string {
  return hook === null ? "" : JSON.stringify(hook);
}

function hookOf<T extends Hook>(text: string): T | null {
  return text === "" ? null : (JSON.parse(text) as T);
}
