import { BodyError } from "../body.js";
import { type Refusal, refusalOf } from "../call.js";

/** An error as OAuth endpoints answer it (RFC 6749 §5.2). */
export interface OAuthProblem {
  readonly status: number;
  readonly error: string;
  /** Empty: none. */
  readonly description: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by a route for a request that calls no method. */
export class OAuthError extends Error {
  override readonly name = "OAuthError";
  constructor(readonly problem: OAuthProblem) {
    super(problem.error);
  }
}

export function invalidRequest(description: string, status = 400): OAuthError {
  return new OAuthError({ status, error: "invalid_request", description });
}

export const invalidClient = {
  status: 401,
  error: "invalid_client",
  headers: { "www-authenticate": 'Basic realm="latchkey", charset="UTF-8"' },
} as const;

/** Returns the answer to an error that a route throws. */
export function toProblem(error: unknown): OAuthProblem {
  if (error instanceof OAuthError) return error.problem;
  if (error instanceof BodyError) return { status: error.status, error: "invalid_request", description: error.message };
  const refusal = refusalOf(error);
  if (refusal !== null) return fromRefusal(refusal);
  const status = statusOf(error);
  if (status === 415) return { status, error: "invalid_request", description: formRequired };
  if (status !== null && status < 500) return { status, error: "invalid_request", description: "The request is malformed." };
  return { status: 500, error: "server_error", description: "The server failed unexpectedly. Try again later." };
}

/** What a request without a form is answered. */
export const formRequired = "Send the parameters as a body of type application/x-www-form-urlencoded.";

/** Fastify's own errors, such as for an unknown media type, have the status of the answer. */
function statusOf(error: unknown): number | null {
  const status = (error as { readonly statusCode?: unknown } | null)?.statusCode;
  return typeof status === "number" ? status : null;
}

function fromRefusal({ reason, message: description, violation, retryAfter, metadata }: Refusal): OAuthProblem {
  switch (reason) {
    case "CLIENT_INVALID":
      return { ...invalidClient, description };
    case "CLIENT_UNKNOWN":
      return {
        ...invalidClient,
        description: "client_id is missing, names no active client, or is not the client that authenticates.",
      };
    case "TOKEN_INVALID":
      return {
        status: 401,
        error: "invalid_token",
        description: "The access token in the authorization header is not valid. Ask for a new one.",
        headers: { "www-authenticate": 'Bearer realm="latchkey", error="invalid_token"' },
      };
    case "SESSION_ENDED":
    case "SESSION_LOST":
    case "REFRESH_TOKEN_REUSED":
      return { status: 400, error: "invalid_grant", description };
    case "TOKEN_NOT_REVOCABLE":
      return { status: 400, error: "unsupported_token_type", description };
    case "SCOPE_MISSING":
      return {
        status: 403,
        error: "insufficient_scope",
        description: `The client lacks the scope ${metadata.scope}. Ask the operator for it.`,
      };
    case "ORIGIN_NOT_ALLOWED":
      return { status: 403, error: "access_denied", description };
    case "REQUEST_INVALID":
      return invalid(violation, description);
    case "TOO_MANY_REQUESTS":
      return unavailable(429, description, retryAfter);
    case "OVERLOADED":
    case "UNAVAILABLE":
    case "DEADLINE_EXCEEDED":
    case "CANCELED":
      return unavailable(503, description, retryAfter);
    default:
      return { status: 500, error: "server_error", description };
  }
}

/** The parameters of OAuth that have error codes of their own. */
const errorOfField: Readonly<Record<string, string>> = { scope: "invalid_scope", refresh_token: "invalid_grant" };

function invalid(violation: Refusal["violation"], description: string): OAuthProblem {
  if (violation === undefined) return { status: 400, error: "invalid_request", description };
  const error = errorOfField[violation.field] ?? "invalid_request";
  return { status: 400, error, description: `${violation.field}: ${violation.description}` };
}

function unavailable(status: number, description: string, retryAfter: string | null): OAuthProblem {
  const problem = { status, error: "temporarily_unavailable", description };
  return retryAfter === null ? problem : { ...problem, headers: { "retry-after": retryAfter } };
}

/** Descriptions may have printable ASCII without quotation mark and backslash (RFC 6749 §5.2). */
export function bodyOf({ error, description }: OAuthProblem): Readonly<Record<string, string>> {
  return { error, error_description: description.replaceAll('"', "'").replace(/[^\x20-\x5b\x5d-\x7e]/g, "?") };
}
