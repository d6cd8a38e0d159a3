import { operator } from "../../apps/actor.js";
import { updateRouting } from "../../apps/update-routing.js";
import { accepted } from "../../auth/errors.js";
import type { Settings } from "../../config/settings.js";
import { type Channel, channelAmong, contactKindOf } from "../../model/channel.js";
import { canonicalContact } from "../../model/identifier.js";
import type { FailingRoute } from "../../model/route-health.js";
import type { Json } from "../apps/app.js";
import { print, timeText } from "../apps/output.js";
import { withApps } from "../apps/with-apps.js";
import { CliError, type Io } from "../io.js";
import { contactIn } from "../messages/contact.js";
import { readText } from "../read-text.js";
import { withAccounts } from "../users/with-accounts.js";
import { explainRouting, explanationFields, explanationLines } from "./explain.js";
import { parseRoutes, routeFields, routeLine } from "./routes.js";
import { parseSteps, stepFields, stepsText } from "./steps.js";

interface OfApp extends Json {
  readonly app: string;
}

export interface SetOptions extends OfApp {
  readonly channel: Channel;
  readonly file: string;
}

export interface WorkflowOptions extends OfApp {
  readonly channel: Channel;
  readonly then: string;
}

export interface ExplainOptions extends OfApp {
  readonly to: string;
  readonly channel?: Channel;
}

export async function show(settings: Settings, options: OfApp, io: Io): Promise<void> {
  const { app: appId } = options;
  await withAccounts(settings, { appId, io }, async ({ app, deps }) => {
    const failing = await deps.store.routes.failing();
    const none = [`The app ${appId} has no routes: each channel uses its carriers in their order.`];
    const lines = app.routing.map((route, index) => `${index + 1}. ${route.channel} ${routeLine(route)}`);
    const workflows = app.workflows.map(({ channel, steps }) => ({ channel, steps: steps.map(stepFields) }));
    const followed = app.workflows.map(
      ({ channel, steps }) => `A code that went by ${channel} goes again by ${stepsText(steps)}.`,
    );
    const fields = { routes: app.routing.map(routeFields), workflows, failing: failing.map(failingFields) };
    print(io, options, fields, [...(lines.length === 0 ? none : lines), ...followed, ...failing.map(failingLine)]);
  });
}

/** Replaces the routes of a channel. Running servers use them within a second. */
export async function set(settings: Settings, options: SetOptions, io: Io): Promise<void> {
  const { app: appId, channel, file } = options;
  const routes = parseRoutes(readText("--file", file));
  await withApps(settings, io, (deps) => updateRouting(deps, operator(), { appId, channel, routes }));
  const done =
    routes.length === 0
      ? `The app ${appId} has no routes for ${channel} now: it uses the carriers in their order.`
      : `The app ${appId} uses ${routes.length === 1 ? "this route" : `these ${routes.length} routes`} for ${channel}.`;
  print(io, options, { app_id: appId, channel, routes: routes.map((route) => routeFields({ channel, ...route })) }, [done]);
}

/** Replaces the workflow of a channel. Running servers use it within a second for new codes. */
export async function workflow(settings: Settings, options: WorkflowOptions, io: Io): Promise<void> {
  const { app: appId, channel, then } = options;
  const steps = parseSteps(then);
  await withApps(settings, io, (deps) => updateRouting(deps, operator(), { appId, channel, workflow: steps }));
  const done =
    steps.length === 0
      ? `A code of the app ${appId} that went by ${channel} is not sent again by itself now.`
      : `A code of the app ${appId} that went by ${channel} goes again by ${stepsText(steps)}, unless it was used.`;
  print(io, options, { app_id: appId, channel, steps: steps.map(stepFields) }, [done]);
}

/** Explains which carriers and which sender a message of an app would use. It sends nothing. */
export async function explain(settings: Settings, options: ExplainOptions, io: Io): Promise<void> {
  const { app: appId } = options;
  const to = contactIn("The destination", options.to);
  await withAccounts(settings, { appId, io }, async ({ app, deps }) => {
    const contact = accepted(canonicalContact(app.policy, to.kind, to.value));
    const channel = options.channel ?? channelAmong(app.policy.channels, contact.kind);
    if (contactKindOf[channel] !== contact.kind) throw new CliError(`The channel ${channel} does not reach this destination.`);
    const failing = await deps.store.routes.failing();
    const explained = explainRouting({ app, deployment: settings.carriers, failing }, { channel, contact });
    print(io, options, explanationFields(explained), explanationLines(explained, appId));
  });
}

function failingFields({ provider, channel, country, since, verified, misses }: FailingRoute) {
  return { provider, channel, country, since: timeText(since), verified, unverified: misses };
}

function failingLine({ provider, channel, country, since }: FailingRoute): string {
  return `Failing since ${timeText(since)}: ${channel} to ${country} by ${provider}. Its codes are not entered.`;
}
