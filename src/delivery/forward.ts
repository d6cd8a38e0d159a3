import type { ReportFormat } from "../model/app.js";
import type { EpochMs } from "../model/time.js";
import type { Outbound } from "../outbound/outbound.js";
import { signedPost } from "../outbound/signed-post.js";
import type { Forward } from "../store/port/forwards.js";
import { reportShapes } from "./report-format.js";

/** Where the app hears of its messages, with the secret that signs. The secret is null if no configured master key opens it. */
export interface ReportHook {
  readonly url: string;
  readonly format: ReportFormat;
  readonly secret: string | null;
}

export interface ForwardDeps {
  readonly clock: () => EpochMs;
  /** Returns the app's hook, or null if it has none any more. Rejects if that can't be found out now. */
  readonly hookOf: (appId: string) => Promise<ReportHook | null>;
  /** Returns the address or number that a challenge's code goes to. Null: it is not known any more. Rejects as `hookOf` does. */
  readonly destinationOf: (challengeId: string) => Promise<string | null>;
  readonly send: Outbound["send"];
}

/**
 * The outcome of posting a change. `dropped`: there is nothing to post any more. Otherwise `why` says what was wrong; `code` is a
 * status or error code, for the log.
 */
export type Forwarded =
  | { readonly kind: "taken" | "dropped" }
  | { readonly kind: "failed"; readonly why: string; readonly code: string };

const timeoutMs = 5_000;

/**
 * Posts a change of a message to the hook of its app, once. A status of the 2xx class says that the app has it, if the body agrees in
 * formats where that counts. Never rejects.
 */
export async function forward(deps: ForwardDeps, change: Forward): Promise<Forwarded> {
  const { message } = change;
  if (message === null) return { kind: "dropped" };
  let hook: ReportHook | null;
  let destination: string | null = null;
  try {
    hook = await deps.hookOf(change.appId);
    if (hook !== null && reportShapes[hook.format].namesDestination) {
      destination = await deps.destinationOf(message.challengeId);
    }
  } catch {
    return { kind: "failed", why: "database", code: "" };
  }
  if (hook === null) return { kind: "dropped" };
  const { url, secret, format } = hook;
  if (secret === null) return { kind: "failed", why: "secret_lost", code: "" };
  const shape = reportShapes[format];
  const body = shape.bodyOf(message, change, destination ?? message.maskedDestination);
  const outcome = await deps.send(signedPost({ url, secret, id: idOf(change), body, now: deps.clock(), timeoutMs }));
  if (outcome.kind === "failed") return { kind: "failed", why: outcome.why, code: outcome.code };
  if (outcome.status >= 200 && outcome.status < 300) {
    return shape.isTaken(outcome.body.toString())
      ? { kind: "taken" }
      : { kind: "failed", why: "not_successful", code: String(outcome.status) };
  }
  return { kind: "failed", why: "status", code: String(outcome.status) };
}

function idOf({ message, status }: Forward): string {
  return `message_${message?.messageId}_${status}`;
}
