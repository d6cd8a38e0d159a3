import { AuthError, requestInvalid } from "../auth/errors.js";
import type { FieldViolation } from "../model/violation.js";

/** Throws REQUEST_INVALID if there are violations. */
export function refuseViolations(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) throw requestInvalid(violations);
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

/** Everything falls back to the default app, so it always exists and is active. */
export function defaultApp(): AuthError {
  return new AuthError("DEFAULT_APP", { detail: "the default app can't be deleted or archived" });
}
