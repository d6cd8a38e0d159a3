import type { AppRecord } from "../model/app.js";
import { nameInDeployment } from "../model/carrier.js";
import { type Channel, contactKindOf } from "../model/channel.js";
import { countryCodes } from "../model/phone-number.js";
import { isNamed, type Route } from "../model/routing.js";
import { isSender, senderProblem } from "../model/sender.js";
import { type FieldViolation, itemViolations } from "../model/violation.js";
import type { Deployment } from "./deps.js";

export const weightMax = 1_000;

/** Returns what is wrong with the routes of a channel. Fields are named as in the API. */
export function routingViolations(
  routes: readonly Omit<Route, "channel">[],
  channel: Channel,
  { app, deployment }: { readonly app: AppRecord; readonly deployment: Pick<Deployment, "carriers"> },
): FieldViolation[] {
  const carriers = carrierNames(channel, { app, deployment });
  const last = routes.findIndex((route) => !isNamed(route));
  return routes.flatMap((route, index) => {
    const violations = routeViolations(route, channel, carriers).map(({ field, description }) => ({
      field: `routes[${index}].${field}`,
      description,
    }));
    if (last === -1 || index <= last) return violations;
    return [
      {
        field: `routes[${index}]`,
        description: `is never used, because routes[${last}] matches all messages: put this one before it`,
      },
      ...violations,
    ];
  });
}

/** Returns the names of the carriers that an app may use for a channel. */
function carrierNames(
  channel: Channel,
  { app, deployment }: { readonly app: AppRecord; readonly deployment: Pick<Deployment, "carriers"> },
): readonly string[] {
  const own = app.carriers.map((carrier) => ({ channel: carrier.channel, name: nameInDeployment(app.appId, carrier) }));
  return [...own, ...deployment.carriers].filter((carrier) => carrier.channel === channel).map(({ name }) => name);
}

function routeViolations(route: Omit<Route, "channel">, channel: Channel, known: readonly string[]): FieldViolation[] {
  const { countries, prefixes, carriers, senders } = route;
  const names = carriers.map(({ name }) => name);
  const hasNumbers = contactKindOf[channel] === "phone";
  const choice = known.length === 0 ? "the app has none for this channel" : `choose among ${known.join(", ")}`;
  return [
    ...itemViolations("countries", countries, (code) =>
      !hasNumbers
        ? "must be left out, because e-mail has no country"
        : countryCodes.includes(code)
          ? null
          : "must be a country code such as SE",
    ),
    ...itemViolations("prefixes", prefixes, (prefix) =>
      !hasNumbers
        ? "must be left out, because e-mail has no numbers"
        : /^\+[1-9][0-9]{0,13}$/.test(prefix)
          ? null
          : "must be the beginning of a number such as +4917",
    ),
    ...itemViolations("carriers", names, (name) => (known.includes(name) ? null : `must name a carrier: ${choice}`)),
    ...carriers.flatMap(({ weight }, index) =>
      Number.isInteger(weight) && weight >= 0 && weight <= weightMax
        ? []
        : [{ field: `carriers[${index}].weight`, description: `must be a whole number from 0 to ${weightMax}` }],
    ),
    ...itemViolations("senders", senders, (sender) =>
      channel !== "sms" ? "must be left out: only SMS have a sender here" : isSender(sender) ? null : senderProblem,
    ),
  ];
}
