import type { Dialect } from "../../../model/dialect.js";
import { BodyError } from "../body.js";
import { type Refusal, refusalOf } from "../call.js";

/** Why a call through a dialect fails. The vendor's answer says it in the vendor's shape. */
export interface Failure {
  /**
   * `MALFORMED`: a body that can't be read, or whose fields have wrong types. `NO_SPEAKER`: no one client speaks the dialect.
   * `NO_CREDENTIALS`: a call without an `authorization` header. `NO_PATH`: the vendor or Latchkey has no such path. `NOT_OFFERED`:
   * the vendor offers it and Latchkey does not.
   */
  readonly reason: Refusal["reason"] | "MALFORMED" | "NO_SPEAKER" | "NO_CREDENTIALS" | "NO_PATH" | "NOT_OFFERED";
  /** The HTTP status that fits, for vendors whose documentation names none. */
  readonly status: number;
  /** One sentence that says what is wrong and what to do. */
  readonly message: string;
  /** The field of the method's request that is refused, as the API names it. Null: no single field. */
  readonly field: string | null;
  /** Seconds, as text. Null: a repeat does not help. */
  readonly retryAfter: string | null;
  readonly metadata: Refusal["metadata"];
}

/** Thrown by a route that refuses a call itself, and by the frame. The message says what to do. */
export class RouteError extends Error {
  override readonly name = "RouteError";
  constructor(
    readonly reason: Failure["reason"],
    message: string,
    readonly metadata: Refusal["metadata"] = {},
  ) {
    super(message);
  }
}

export const noPath = (): RouteError => new RouteError("NO_PATH", "There is no such path, or not for this method.");

export const noCredentials = (): RouteError =>
  new RouteError("NO_CREDENTIALS", "The call has no credentials. Send them in the authorization header.");

export const noSpeaker = (dialect: Dialect): RouteError =>
  new RouteError(
    "NO_SPEAKER",
    `No client speaks ${dialect} here, or several do. Run latchkey client update with --dialects ${dialect}, ` +
      "and with --hosts if several clients speak it.",
  );

const statuses: Readonly<Partial<Record<Failure["reason"], number>>> = {
  MALFORMED: 400,
  NO_SPEAKER: 404,
  NO_CREDENTIALS: 401,
  NO_PATH: 404,
  NOT_OFFERED: 400,
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
  APP_NOT_FOUND: 404,
  MESSAGE_NOT_FOUND: 404,
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
  const plain = { field: null, retryAfter: null, metadata: {} };
  const refusal = refusalOf(error);
  if (refusal !== null) {
    const { reason, message, violation, retryAfter, metadata } = refusal;
    const status = statuses[reason] ?? 403;
    const detail = violation === undefined ? message : `${violation.field}: ${violation.description}`;
    return { reason, status, message: detail, field: violation?.field ?? null, retryAfter, metadata };
  }
  if (error instanceof RouteError) {
    const { reason, message, metadata } = error;
    return { ...plain, reason, status: statuses[reason] ?? 403, message, metadata };
  }
  if (error instanceof BodyError) return { reason: "MALFORMED", status: error.status, message: error.message, ...plain };
  if (error instanceof SyntaxError) return { reason: "MALFORMED", status: 400, message: "The body is not JSON.", ...plain };
  const { statusCode, validation, message } = error as { statusCode?: unknown; validation?: unknown; message?: unknown };
  if (Array.isArray(validation)) return { reason: "MALFORMED", status: 400, message: misfit(validation, message), ...plain };
  if (statusCode === 415) {
    return { reason: "MALFORMED", status: 415, message: "The path takes no body of this content-type.", ...plain };
  }
  if (typeof statusCode === "number" && statusCode < 500) {
    return { reason: "MALFORMED", status: statusCode, message: "The request is malformed.", ...plain };
  }
  return { reason: "INTERNAL", status: 500, message: "The server failed unexpectedly. Try again later.", ...plain };
}

/** One entry of what the validator says: the values that a text may have are one `const` each. */
interface Validation {
  readonly keyword?: unknown;
  readonly instancePath?: unknown;
  readonly params?: { readonly allowedValue?: unknown };
}

function misfit(validation: readonly Validation[], message: unknown): string {
  const allowed = validation.filter(({ keyword }) => keyword === "const").map(({ params }) => String(params?.allowedValue));
  if (allowed.length === 0) return `${String(message)}.`;
  return `${String(validation[0]?.instancePath).slice(1)} must be one of ${allowed.join(", ")}.`;
}

/** Returns the message of a failure with the vendor's name of the field that is refused. */
export function withVendorNames({ message, field }: Failure, names: Readonly<Record<string, string>>): string {
  const name = field === null ? undefined : names[field];
  return name === undefined ? message : name + message.slice(field!.length);
}

/** Returns what a backend reads if its client lacks a scope. */
export function scopeAdvice({ metadata }: Failure): string {
  return `The client lacks the scope ${metadata.scope}. Ask the operator for it.`;
}
