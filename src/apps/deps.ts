import { AuthError } from "../auth/errors.js";
import type { HookSecrets } from "../crypto/hook-secrets.js";
import type { Log } from "../lib/log.js";
import type { AppPolicy } from "../model/app-policy.js";
import type { Policy } from "../model/policy.js";
import { deploymentScopes, type Scope } from "../model/scope.js";
import type { EpochMs } from "../model/time.js";
import type { FieldViolation } from "../model/violation.js";
import type { Outbound } from "../outbound/outbound.js";
import type { Store } from "../store/port/store.js";
import type { Directory } from "./directory.js";

/** What the deployment's settings say about apps. */
export interface Deployment {
  readonly issuer: string;
  /** Some lower bounds of policies are higher in production. */
  readonly isProduction: boolean;
  /** What applies to apps that decide nothing. */
  readonly policy: Policy;
  /** The names of those settings that were set, by the policy value that they give. */
  readonly policySettings: Readonly<Partial<Record<keyof AppPolicy, string>>>;
}

/** The dependencies of the use cases for apps and clients. */
export interface AppsDeps {
  readonly clock: () => EpochMs;
  readonly store: Pick<Store, "apps" | "sessions">;
  /** Refreshed after each change, so that the change acts in this process before it is answered. */
  readonly directory: Pick<Directory, "refresh">;
  readonly deployment: Deployment;
  readonly hookSecrets: Pick<HookSecrets, "make" | "delete">;
  readonly outbound: Pick<Outbound, "problemOf">;
  readonly log: Log;
}

/** The party that makes a change. */
export interface Actor {
  /** The client id, or `operator` for the command line. */
  readonly name: string;
  /** Only the command line grants the scopes that reach every app. */
  readonly isOperator: boolean;
  readonly scopes: ReadonlySet<Scope>;
}

/** The command line on the host. */
export const operator: Actor = { name: "operator", isOperator: true, scopes: new Set(deploymentScopes) };

/** Logs a change and makes it act in this process. */
export async function announce(
  { directory, log }: AppsDeps,
  actor: Actor,
  { message, ...what }: { readonly message: string; readonly [field: string]: unknown },
): Promise<void> {
  log.info({ by: actor.name, ...what }, message);
  await directory.refresh();
}

const violationsMax = 10;

/** Throws REQUEST_INVALID if there are violations. */
export function refuseViolations(violations: readonly FieldViolation[]): void {
  if (violations.length === 0) return;
  const named = violations.slice(0, violationsMax);
  const detail = named.map(({ field, description }) => `${field}: ${description}`).join("; ");
  throw new AuthError("REQUEST_INVALID", { detail, violations: named });
}

export function appNotFound(appId: string): AuthError {
  return new AuthError("APP_NOT_FOUND", { detail: `no app ${appId}` });
}

export function clientNotFound(clientId: string): AuthError {
  return new AuthError("CLIENT_NOT_FOUND", { detail: `no client ${clientId}, or no such secret of it` });
}

export function alreadyExists(id: string): AuthError {
  return new AuthError("ALREADY_EXISTS", { detail: `${id} is taken`, metadata: { id } });
}
