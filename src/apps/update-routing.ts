import type { AppRecord } from "../model/app.js";
import type { Channel } from "../model/channel.js";
import type { Route } from "../model/routing.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import type { AppsDeps } from "./deps.js";
import { appNotFound, refuseViolations } from "./refusals.js";
import { routingViolations } from "./routing-rules.js";

export interface UpdateRoutingInput {
  readonly appId: string;
  readonly channel: Channel;
  /** Replace those of the channel. Empty: its carriers are used in their order. */
  readonly routes: readonly Omit<Route, "channel">[];
}

/** Sets the routes of an app's channel. Of concurrent calls the last one counts. Throws APP_NOT_FOUND and REQUEST_INVALID. */
export async function updateRouting(deps: AppsDeps, actor: Actor, input: UpdateRoutingInput): Promise<AppRecord> {
  const { appId, channel, routes } = input;
  const app = await deps.store.apps.changeApp({
    appId,
    apply(was) {
      refuseViolations(routingViolations(routes, channel, { app: was, deployment: deps.deployment }));
      const others = was.routing.filter((route) => route.channel !== channel);
      return { ...was, routing: [...others, ...routes.map((route) => ({ channel, ...route }))] };
    },
  });
  if (app === null) throw appNotFound(appId);
  await announce(deps, actor, { message: "changed the routing of an app", app: appId, channel, routes: routes.length });
  return app;
}
