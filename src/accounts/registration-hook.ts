import {
  type AskRegistrationHook,
  hookTimeoutMs,
  type RegistrationAnswer,
  type RegistrationRequest,
} from "../auth/registration-hook.js";
import { type HookSecrets, type WithSecret, withSecret } from "../crypto/hook-secrets.js";
import type { Log } from "../lib/log.js";
import type { RegistrationHook } from "../model/app.js";
import type { Metrics } from "../model/metrics.js";
import type { EpochMs } from "../model/time.js";
import type { Outbound } from "../outbound/outbound.js";
import { signedPost } from "../outbound/signed-post.js";
import type { Store } from "../store/port/store.js";
import { readHookAnswer } from "./hook-answer.js";

/** The parts that asking a registration hook needs. */
export interface HookDeps {
  readonly clock: () => EpochMs;
  readonly store: Pick<Store, "apps">;
  readonly hookSecrets: Pick<HookSecrets, "find">;
  readonly outbound: Pick<Outbound, "send">;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "registrationHookEnded">;
}

/** The outcome of a call. A text says why it failed; `code` is the status or error code, for the log. */
type Called = { readonly answer: RegistrationAnswer | string; readonly code: string };

const allowed: RegistrationAnswer = { kind: "allowed", roles: [], appAttributes: "" };
const refused: RegistrationAnswer = { kind: "refused", reason: "" };

/**
 * Asks the hooks of apps with a signed request (Standard Webhooks) whose id is that of the challenge. `docs/registration-hook.md`
 * has both JSON shapes. A hook that gives no valid answer within 2 s allows or refuses, as its app has chosen.
 */
export function createRegistrationHook(deps: HookDeps): AskRegistrationHook {
  return async (request) => {
    const { appId } = request.app;
    const reread = async () => (await deps.store.apps.findApp(appId))?.registrationHook ?? null;
    const found = await withSecret(deps.hookSecrets, request.app.registrationHook, reread);
    if (found === null) return allowed;
    const startedAt = performance.now();
    const { answer, code } = await call(deps, request, found);
    const tookMs = performance.now() - startedAt;
    const { challengeId, correlationId, app } = request;
    const about = { app: app.appId, challengeId, correlationId, tookMs: Math.round(tookMs) };
    if (typeof answer !== "string") {
      deps.metrics.registrationHookEnded(answer.kind, tookMs);
      deps.log.info({ outcome: answer.kind, ...about }, "registration hook answered");
      return answer;
    }
    deps.metrics.registrationHookEnded("failed", tookMs);
    const outcome = found.hook.failOpen ? allowed : refused;
    deps.log.warn({ why: answer, code, outcome: outcome.kind, ...about }, "registration hook gave no valid answer");
    return outcome;
  };
}

async function call(
  { clock, outbound }: HookDeps,
  request: RegistrationRequest,
  { hook, secret }: WithSecret<RegistrationHook>,
): Promise<Called> {
  if (secret === null) return { answer: "secret_lost", code: "" };
  const { challengeId, app } = request;
  const now = clock();
  const body = bodyOf(request, now);
  const outcome = await outbound.send(
    signedPost({ url: hook.url, secret, id: challengeId, body, now, timeoutMs: hookTimeoutMs }),
  );
  if (outcome.kind === "failed") return { answer: outcome.why, code: outcome.code };
  if (outcome.status !== 200) return { answer: "status", code: String(outcome.status) };
  return { answer: readHookAnswer(outcome.body, app.roles), code: "200" };
}

function bodyOf({ app, challengeId, clientId, isTest, contacts, profile }: RegistrationRequest, now: EpochMs): string {
  return JSON.stringify({
    type: "registration.requested",
    timestamp: new Date(now).toISOString(),
    data: {
      app_id: app.appId,
      client_id: clientId,
      challenge_id: challengeId,
      new_to_pool: profile !== null,
      test: isTest,
      contacts: contacts.map(({ kind, value }) => ({ kind, value })),
      profile: profile && {
        username: profile.username,
        display_name: profile.displayName,
        locale: profile.locale,
        custom_attributes: profile.customAttributes === "" ? {} : (JSON.parse(profile.customAttributes) as unknown),
      },
    },
  });
}
