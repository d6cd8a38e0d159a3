import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import type { VerifyOtpResponse } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import type { TokenSet } from "../../src/gen/latchkey/v1/session_pb.js";
import type { TestApp } from "./app.js";

/** How a call was refused, as a caller sees it. */
export interface Refusal {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
}

export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof ConnectError)) throw error;
  const retry = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    code: Code[error.code],
    reason: error.findDetails(ErrorInfoSchema)[0]?.reason ?? "",
    message: error.rawMessage,
    retryAfterMs: retry === undefined ? undefined : Number(retry.seconds) * 1000 + retry.nanos / 1e6,
  };
}

/** The refusal of a call that must be refused. */
export async function refused(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    return refusalOf(error);
  }
  throw new Error("the call was not refused");
}

/** What became of calls made together: results, and refusals counted by reason. */
export async function together<T>(
  count: number,
  call: (index: number) => Promise<T>,
): Promise<{ readonly results: readonly T[]; readonly reasons: Readonly<Record<string, number>> }> {
  const settled = await Promise.allSettled(Array.from({ length: count }, (_, index) => call(index)));
  const results: T[] = [];
  const reasons: Record<string, number> = {};
  for (const one of settled) {
    if (one.status === "fulfilled") results.push(one.value);
    else {
      const { reason } = refusalOf(one.reason);
      reasons[reason] = (reasons[reason] ?? 0) + 1;
    }
  }
  return { results, reasons };
}

/** Where the codes that were sent can be read. */
export interface CodeReader {
  /** The first message of a challenge, when it has come. */
  messageOf(
    challenge: { readonly challengeId: string } | undefined,
  ): Promise<{ readonly challengeId: string; readonly code: string }>;
}

/** Signs in by e-mail, making the user if need be. */
export async function signIn(
  on: CodeReader & Pick<TestApp, "auth">,
  email: string,
): Promise<VerifyOtpResponse & { readonly tokens: TokenSet }> {
  const { challenge } = await on.auth.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
  const { challengeId, code } = await on.messageOf(challenge);
  const response = await on.auth.verifyOtp({ challengeId, code });
  if (response.tokens === undefined) throw new Error("no tokens");
  return response as VerifyOtpResponse & { readonly tokens: TokenSet };
}

/** Another code of the same length; the n-th differs from the others. */
export function wrongCode(code: string, n = 0): string {
  return String((Number(code) + 1 + n) % 10 ** code.length).padStart(code.length, "0");
}

export function bearer(accessToken: string): { headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${accessToken}` } };
}

/** The reason of a refused call with the cause and the other values that its detail carries. */
export async function explained(call: Promise<unknown>): Promise<{
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
}> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const info = error.findDetails(ErrorInfoSchema)[0];
    const violations = error.findDetails(BadRequestSchema)[0]?.fieldViolations ?? [];
    return { reason: info?.reason ?? "", metadata: info?.metadata ?? {}, fields: violations.map(({ field }) => field) };
  }
  throw new Error("the call was not refused");
}
