import type { Dialect } from "../../../model/dialect.js";
import { BodyError } from "../body.js";
import { type Refusal, refusalOf } from "../call.js";

/** Why a call through a dialect fails. The vendor's answer says it in the vendor's shape. */
export interface Failure {
  /** `MALFORMED`: a body that can't be read, or whose fields have wrong types. `NO_SPEAKER`: no one client speaks the dialect. */
  readonly reason: Refusal["reason"] | "MALFORMED" | "NO_SPEAKER";
  /** The HTTP status that fits, for vendors whose documentation names none. */
  readonly status: number;
  /** One sentence that says what is wrong and what to do. */
  readonly message: string;
  /** Seconds, as text. Null: a repeat does not help. */
  readonly retryAfter: string | null;
  readonly metadata: Refusal["metadata"];
}

/** Thrown for a call that names no client of a dialect that no client speaks, or several do. */
export class NoSpeakerError extends Error {
  override readonly name = "NoSpeakerError";
  constructor(dialect: Dialect) {
    super(
      `No client speaks ${dialect} here, or several do. Run latchkey client update with --dialects ${dialect}, ` +
        "and with --hosts if several clients speak it.",
    );
  }
}

/** Thrown by a route that refuses a call itself. */
export class RouteError extends Error {
  override readonly name = "RouteError";
  constructor(
    readonly reason: Refusal["reason"],
    message: string,
  ) {
    super(message);
  }
}

const statuses: Readonly<Partial<Record<Failure["reason"], number>>> = {
  REQUEST_INVALID: 400,
  CHANNEL_UNAVAILABLE: 400,
  COUNTRY_NOT_ALLOWED: 400,
  CODE_INVALID: 401,
  TOKEN_INVALID: 401,
  CLIENT_INVALID: 401,
  CLIENT_UNKNOWN: 404,
  REFRESH_TOKEN_REUSED: 401,
  SESSION_ENDED: 401,
  SESSION_LOST: 401,
  USER_NOT_FOUND: 404,
  CHALLENGE_NOT_FOUND: 404,
  SESSION_NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  CONTACT_TAKEN: 409,
  TOO_MANY_REQUESTS: 429,
  OVERLOADED: 503,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
  CANCELED: 503,
  INTERNAL: 500,
};

/** Returns what an error that a route throws says. Errors of unknown kinds say nothing but that the server failed. */
export function failureOf(error: unknown): Failure {
  const plain = { retryAfter: null, metadata: {} };
  const refusal = refusalOf(error);
  if (refusal !== null) {
    const { reason, message, violation, retryAfter, metadata } = refusal;
    const status = statuses[reason] ?? 403;
    const detail = violation === undefined ? message : `${violation.field}: ${violation.description}`;
    return { reason, status, message: detail, retryAfter, metadata };
  }
  if (error instanceof RouteError) {
    const { reason, message } = error;
    return { reason, status: statuses[reason] ?? 403, message, ...plain };
  }
  if (error instanceof NoSpeakerError) return { reason: "NO_SPEAKER", status: 404, message: error.message, ...plain };
  if (error instanceof BodyError) return { reason: "MALFORMED", status: error.status, message: error.message, ...plain };
  if (error instanceof SyntaxError) return { reason: "MALFORMED", status: 400, message: "The body is not JSON.", ...plain };
  const { statusCode, validation, message } = error as { statusCode?: unknown; validation?: unknown; message?: unknown };
  if (Array.isArray(validation)) return { reason: "MALFORMED", status: 400, message: `${String(message)}.`, ...plain };
  if (statusCode === 415) {
    return { reason: "MALFORMED", status: 415, message: "Send the body as application/json.", ...plain };
  }
  if (typeof statusCode === "number" && statusCode < 500) {
    return { reason: "MALFORMED", status: statusCode, message: "The request is malformed.", ...plain };
  }
  return { reason: "INTERNAL", status: 500, message: "The server failed unexpectedly. Try again later.", ...plain };
}
