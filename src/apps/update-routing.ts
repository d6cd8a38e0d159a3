import type { AppRecord } from "../model/app.js";
import type { Channel } from "../model/channel.js";
import type { Route } from "../model/routing.js";
import type { WorkflowStep } from "../model/workflow.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import type { AppsDeps } from "./deps.js";
import { appNotFound, refuseViolations } from "./refusals.js";
import { routingViolations } from "./routing-rules.js";
import { workflowViolations } from "./workflow-rules.js";

export interface UpdateRoutingInput {
  readonly appId: string;
  readonly channel: Channel;
  /** Replace those of the channel. Empty: its carriers are used in their order. Default: they stay. */
  readonly routes?: readonly Omit<Route, "channel">[];
  /** Replaces that of the channel. Empty: no message follows. Default: it stays. */
  readonly workflow?: readonly WorkflowStep[];
}

/**
 * Sets the routes or the workflow of an app's channel. Of concurrent calls the last one counts. Throws APP_NOT_FOUND and
 * REQUEST_INVALID.
 */
export async function updateRouting(deps: AppsDeps, actor: Actor, input: UpdateRoutingInput): Promise<AppRecord> {
  const { appId, channel, routes, workflow } = input;
  const { deployment } = deps;
  const app = await deps.store.apps.changeApp({
    appId,
    apply(was) {
      refuseViolations([
        ...(routes === undefined ? [] : routingViolations(routes, channel, { app: was, deployment })),
        ...(workflow === undefined ? [] : workflowViolations(workflow, channel, { app: was, deployment })),
      ]);
      return withWorkflow(withRoutes(was, channel, routes), channel, workflow);
    },
  });
  if (app === null) throw appNotFound(appId);
  const changed = { ...(routes && { routes: routes.length }), ...(workflow && { workflow: workflow.length }) };
  await announce(deps, actor, { message: "changed the routing of an app", app: appId, channel, ...changed });
  return app;
}

function withRoutes(app: AppRecord, channel: Channel, routes: UpdateRoutingInput["routes"]): AppRecord {
  if (routes === undefined) return app;
  const others = app.routing.filter((route) => route.channel !== channel);
  return { ...app, routing: [...others, ...routes.map((route) => ({ channel, ...route }))] };
}

function withWorkflow(app: AppRecord, channel: Channel, steps: UpdateRoutingInput["workflow"]): AppRecord {
  if (steps === undefined) return app;
  const others = app.workflows.filter((workflow) => workflow.channel !== channel);
  return { ...app, workflows: steps.length === 0 ? others : [...others, { channel, steps }] };
}
