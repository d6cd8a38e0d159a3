import type { EpochMs } from "../model/time.js";
import type { Outbound } from "../outbound/outbound.js";
import { signedPost } from "../outbound/signed-post.js";
import type { Forward } from "../store/port/forwards.js";

/** Where the app hears of its messages, with the secret that signs. The secret is null if no configured master key opens it. */
export interface ReportHook {
  readonly url: string;
  readonly secret: string | null;
}

export interface ForwardDeps {
  readonly clock: () => EpochMs;
  /** Returns the app's hook, or null if it has none any more. Rejects if that can't be found out now. */
  readonly hookOf: (appId: string) => Promise<ReportHook | null>;
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

/** Posts a change of a message to the hook of its app, once. Any status of the 2xx class says that the app has it. Never rejects. */
export async function forward(deps: ForwardDeps, change: Forward): Promise<Forwarded> {
  const body = bodyOf(change);
  if (body === null) return { kind: "dropped" };
  let hook: ReportHook | null;
  try {
    hook = await deps.hookOf(change.appId);
  } catch {
    return { kind: "failed", why: "database", code: "" };
  }
  if (hook === null) return { kind: "dropped" };
  const { url, secret } = hook;
  if (secret === null) return { kind: "failed", why: "secret_lost", code: "" };
  const outcome = await deps.send(signedPost({ url, secret, id: idOf(change), body, now: deps.clock(), timeoutMs }));
  if (outcome.kind === "failed") return { kind: "failed", why: outcome.why, code: outcome.code };
  if (outcome.status >= 200 && outcome.status < 300) return { kind: "taken" };
  return { kind: "failed", why: "status", code: String(outcome.status) };
}

function idOf({ message, status }: Forward): string {
  return `message_${message?.messageId}_${status}`;
}

/** Returns the JSON of a change. `docs/delivery.md` has its shape. Null if the message was deleted. */
function bodyOf({ message, status, cause, changedAt }: Forward): string | null {
  if (message === null) return null;
  return JSON.stringify({
    type: "message.status_changed",
    timestamp: new Date(changedAt).toISOString(),
    data: {
      // A string, as in the JSON of the API.
      message_id: String(message.messageId),
      app_id: message.appId,
      user_id: message.userId,
      challenge_id: message.challengeId,
      channel: message.channel,
      provider: message.provider,
      provider_message_id: message.providerMessageId,
      status,
      cause,
      masked_destination: message.maskedDestination,
      segments: message.segments,
      price: message.price,
    },
  });
}
