import { randomUuid } from "../crypto/random.js";
import { type AppRecord, mainPoolId } from "../model/app.js";
import { noWording } from "../model/wording.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import { appViolations } from "./app-rules.js";
import type { AppsDeps } from "./deps.js";
import { alreadyExists, refuseViolations } from "./refusals.js";

export interface CreateAppInput {
  readonly appId: string;
  /** Empty: the pool `main`. An unknown pool is made. */
  readonly poolId?: string;
  readonly displayName?: string;
  readonly logoUrl?: string;
  readonly supportAddress?: string;
  readonly allowedOrigins?: readonly string[];
  readonly audience?: string;
  readonly roles?: readonly string[];
}

/** Creates an app. Of concurrent calls with one id exactly one creates it; the others get ALREADY_EXISTS. */
export async function createApp(deps: AppsDeps, actor: Actor, input: CreateAppInput): Promise<AppRecord> {
  const app = {
    appId: input.appId,
    poolId: input.poolId || mainPoolId,
    displayName: input.displayName ?? "",
    logoUrl: input.logoUrl ?? "",
    supportAddress: input.supportAddress ?? "",
    allowedOrigins: input.allowedOrigins ?? [],
    audience: input.audience ?? "",
    policy: {},
    roles: input.roles ?? [],
    ownerOrganization: randomUuid(),
    registrationHook: null,
    deliveryReportHook: null,
    carriers: [],
    wording: noWording,
    routing: [],
    workflows: [],
    testIdentifiers: [],
    state: "active" as const,
  };
  refuseViolations(appViolations(app, deps.deployment.issuer));
  const created = await deps.store.apps.createApp({ app, now: deps.clock() });
  if (created === null) throw alreadyExists(input.appId);
  await announce(deps, actor, { message: "created an app", app: created.appId, pool: created.poolId });
  return created;
}
