import type { AppPolicy } from "./app-policy.js";
import type { AppCarrier } from "./carrier.js";
import type { Policy } from "./policy.js";
import type { AppRouting } from "./routing.js";
import type { TestIdentifier } from "./test-identifier.js";
import type { EpochMs } from "./time.js";
import type { AppWording } from "./wording.js";
import type { AppWorkflows } from "./workflow.js";

/** An archived app refuses all calls of its clients and keeps its data. */
export type AppState = "active" | "archived";

/** An app as it is stored. */
export interface AppRecord {
  readonly appId: string;
  /** The set of people that the app's users belong to. Contacts and usernames are unique in it. */
  readonly poolId: string;
  /** Counted up by the database. The app `default` has 1. */
  readonly number: number;
  /** What messages call the app. Empty: LATCHKEY_APP_NAME. */
  readonly displayName: string;
  /** Empty: none. */
  readonly logoUrl: string;
  /** An e-mail address or URL for the users of the app. Empty: none. */
  readonly supportAddress: string;
  /** Exact origins that all clients of the app may be called from. */
  readonly allowedOrigins: readonly string[];
  /** The audience of the app's tokens. Empty: the default of `audienceOf`. */
  readonly audience: string;
  readonly policy: AppPolicy;
  /** The roles that members may have. */
  readonly roles: readonly string[];
  /** The organization of members who are given no other: a UUID made with the app. */
  readonly ownerOrganization: string;
  /** Null: none. */
  readonly registrationHook: RegistrationHook | null;
  /** Null: none. */
  readonly deliveryReportHook: DeliveryReportHook | null;
  /** The carriers that the app uses instead of those of the deployment, in order of preference. */
  readonly carriers: readonly AppCarrier[];
  readonly wording: AppWording;
  /** Which carriers and senders its messages use. Empty: the carriers in their order. */
  readonly routing: AppRouting;
  /** Which messages follow if a code does not come back. Empty: none. */
  readonly workflows: AppWorkflows;
  /** The contacts that the app uses for tests, in the order in which they were set. */
  readonly testIdentifiers: readonly TestIdentifier[];
  readonly state: AppState;
  readonly createdAt: EpochMs;
}

/** A URL of an app that Latchkey posts signed requests to. */
export interface Hook {
  readonly url: string;
  /** The id of the key that signs the requests, in `store.keys` with the use `hook`. */
  readonly keyId: string;
}

/** The shapes in which an app hears what became of its messages. */
export const reportFormats = ["latchkey", "beem"] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** Where the app hears what became of its messages. */
export interface DeliveryReportHook extends Hook {
  /** Left out: Latchkey's own. */
  readonly format?: ReportFormat;
}

/** Where the app is asked before a user is created or joined. */
export interface RegistrationHook extends Hook {
  /** Whether registrations go on if the hook does not answer. */
  readonly failOpen: boolean;
}

/** A product that users sign in to, with all values that apply to its calls. */
export interface App {
  readonly appId: string;
  /** As in `AppRecord`. */
  readonly number: number;
  readonly poolId: string;
  /** What messages call the app. */
  readonly displayName: string;
  /** As in `AppRecord`. */
  readonly logoUrl: string;
  readonly supportAddress: string;
  /** The `aud` claim of the app's access tokens. No other app's calls accept them. */
  readonly audience: string;
  /** As in `AppRecord`. */
  readonly roles: readonly string[];
  readonly ownerOrganization: string;
  /** Whether signed-in users see their own organization, as in a dialect that shows it. Left out: they do not. */
  readonly showsOrganization?: boolean;
  readonly registrationHook: RegistrationHook | null;
  readonly deliveryReportHook: DeliveryReportHook | null;
  readonly carriers: readonly AppCarrier[];
  readonly wording: AppWording;
  readonly routing: AppRouting;
  readonly workflows: AppWorkflows;
  readonly testIdentifiers: readonly TestIdentifier[];
  /** Applies to all calls of the app's clients. */
  readonly policy: Policy;
}

export const defaultAppId = "default";
export const mainPoolId = "main";

/** The audience of an app that names none: the issuer for the default app, and a URL below it for every other. */
export function audienceOf({ appId, audience }: Pick<AppRecord, "appId" | "audience">, issuer: string): string {
  if (audience !== "") return audience;
  return appId === defaultAppId ? issuer : `${issuer.replace(/\/$/, "")}/apps/${appId}`;
}
