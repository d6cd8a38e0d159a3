import { randomBytes } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { DialectAnswer } from "../dialect.js";
import type { Failure } from "../failure.js";

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** BioT's codes for what Latchkey refuses. Where BioT documents none, the code is Latchkey's reason. */
function problemOf({ reason, status, metadata }: Failure, path: string): Problem {
  switch (reason) {
    case "CODE_INVALID":
      return { status: 403, code: "LOGIN_FAILED" };
    case "CLIENT_INVALID":
      return path.startsWith("/ums/v2/services/")
        ? { status: 403, code: "LOGIN_FAILED" }
        : { status: 401, code: "TOKEN_NOT_VALID" };
    case "REFRESH_TOKEN_REUSED":
    case "SESSION_ENDED":
    case "SESSION_LOST":
      return { status: 403, code: "REFRESH_TOKEN_NOT_VALID" };
    case "TOKEN_INVALID":
      return { status: 401, code: "TOKEN_NOT_VALID" };
    case "ACCOUNT_LOCKED":
    case "USER_LOCKED":
      return { status: 401, code: "USER_LOCKED", details: metadata };
    case "SCOPE_MISSING":
    case "USER_REQUIRED":
    case "ORIGIN_NOT_ALLOWED":
    case "PURPOSE_NOT_ALLOWED":
      return { status: 403, code: "ACCESS_DENIED" };
    case "CONTACT_TAKEN":
    case "ALREADY_EXISTS":
      return takenProblem(metadata);
    case "DEADLINE_EXCEEDED":
      return { status: 504, code: "GATEWAY_TIMEOUT" };
    case "INTERNAL":
      return { status: 500, code: "INTERNAL_SERVER_ERROR" };
    default:
      return { status, code: reason };
  }
}

function takenProblem({ field, user_id: userId }: Failure["metadata"]): Problem {
  const code = field === "email" ? "EMAIL_ALREADY_EXIST" : "USERNAME_ALREADY_EXIST";
  return { status: 409, code, details: userId === undefined ? {} : { userId } };
}

/** BioT's error body. The trace id is that of the caller, if it sent one. */
export function toBiotAnswer(failure: Failure, request: FastifyRequest): DialectAnswer {
  const { status, code, details = {} } = problemOf(failure, request.url);
  const [, serviceName] = request.url.split("/");
  const traceId = traceIdOf(request);
  return { status, body: { code, message: failure.message, serviceName, traceId, environment: "latchkey", details } };
}

/** W3C Trace Context: version, trace id, parent id and flags. BioT's trace ids have 16 digits. */
function traceIdOf(request: FastifyRequest): string {
  const [, traceId] = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-/.exec(String(request.headers.traceparent ?? "")) ?? [];
  return traceId?.slice(16) ?? randomBytes(8).toString("hex");
}
