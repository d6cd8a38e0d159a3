import type { App } from "../../model/app.js";
import { nameInDeployment } from "../../model/carrier.js";
import type { Channel } from "../../model/channel.js";
import { countryOf } from "../../model/phone-number.js";
import type { FailingRoute } from "../../model/route-health.js";
import { type Destination, isNamed, orderedCarriers, type RoutedCarrier, routeOf } from "../../model/routing.js";
import { type ChosenSender, senderFor } from "../../model/sender.js";
import { stepsAfter, type WorkflowStep } from "../../model/workflow.js";
import { timeText } from "../apps/output.js";
import { stepFields, stepsText } from "./steps.js";

export interface Explanation {
  readonly channel: Channel;
  /** Null: e-mail, or a number of no country. */
  readonly country: string | null;
  /** The position of the route among all of the app, from 1. Null: none matches. */
  readonly route: number | null;
  /** In the order in which most messages try them. */
  readonly carriers: readonly ExplainedCarrier[];
  /** Null: the channel has no sender of its own. */
  readonly sender: ChosenSender | null;
  /** The messages that follow if the code does not come back. */
  readonly steps: readonly WorkflowStep[];
}

interface ExplainedCarrier {
  readonly name: string;
  /** Which part of the messages is given to it first, in per cent. */
  readonly firstFor: number;
  readonly failing: FailingRoute | null;
}

interface Known {
  readonly app: Pick<App, "appId" | "carriers" | "routing" | "workflows">;
  readonly deployment: readonly { readonly name: string; readonly channel: Channel }[];
  readonly failing: readonly FailingRoute[];
}

/** Returns which carriers and which sender a message would use. Credentials that a carrier refuses are not known here. */
export function explainRouting({ app, deployment, failing }: Known, destination: Destination): Explanation {
  const { channel, contact } = destination;
  const country = contact.kind === "phone" ? countryOf(contact.value) : null;
  const route = routeOf(app.routing, destination);
  const carriers = listedCarriers({ app, deployment }, channel, route?.carriers ?? []);
  const failingOf = ({ name }: RoutedCarrier): FailingRoute | null =>
    failing.find((one) => one.provider === name && one.channel === channel && one.country === country) ?? null;
  const isFailing = (carrier: RoutedCarrier): boolean => failingOf(carrier) !== null;
  // Without weights the order is that of every message.
  const plain = carriers.map((carrier) => ({ ...carrier, of: carrier, weight: 0 }));
  const ordered = orderedCarriers(plain, { messageId: 0, isFailing }).map(({ of }) => of);
  const used = ordered.some((carrier) => !isFailing(carrier)) ? ordered.filter((carrier) => !isFailing(carrier)) : ordered;
  const sum = used.reduce((total, { weight }) => total + weight, 0);
  return {
    ...{ channel, country },
    route: route === null ? null : app.routing.indexOf(route) + 1,
    carriers: ordered.map((carrier) => ({
      name: carrier.name,
      firstFor: !used.includes(carrier) ? 0 : sum > 0 ? (carrier.weight / sum) * 100 : carrier === used[0] ? 100 : 0,
      failing: failingOf(carrier),
    })),
    sender: channel === "sms" ? senderFor(route?.senders ?? [], { country, isNamed: route !== null && isNamed(route) }) : null,
    steps: stepsAfter(app.workflows, channel),
  };
}

function listedCarriers({ app, deployment }: Omit<Known, "failing">, channel: Channel, named: readonly RoutedCarrier[]) {
  const own = app.carriers
    .filter((carrier) => carrier.channel === channel)
    .map((carrier) => ({ name: nameInDeployment(app.appId, carrier), weight: 0 }));
  const shared = deployment.filter((carrier) => carrier.channel === channel).map(({ name }) => ({ name, weight: 0 }));
  const present = named.filter(({ name }) => [...own, ...shared].some((carrier) => carrier.name === name));
  if (present.length > 0) return present;
  return own.length > 0 ? own : shared;
}

export function explanationFields({ channel, country, route, carriers, sender, steps }: Explanation) {
  return {
    ...{ channel, country, route },
    carriers: carriers.map(({ name, firstFor, failing }) => ({
      name,
      first_for_percent: Math.round(firstFor),
      failing_since: failing && timeText(failing.since),
    })),
    sender: sender && { sender: sender.sender, country_takes_names: sender.support },
    steps: steps.map(stepFields),
  };
}

export function explanationLines(explained: Explanation, appId: string): readonly string[] {
  const { channel, country, route, carriers, sender, steps } = explained;
  const to = country === null ? channel : `${channel} to ${country}`;
  const matched =
    route === null
      ? `No route of the app ${appId} matches ${to}, so the channel's carriers are used in their order.`
      : `Route ${route} of the app ${appId} matches ${to}.`;
  const none = [`No carrier has the channel ${channel}.`];
  return [
    matched,
    ...(carriers.length === 0 ? none : carriers.map((carrier, index) => `${index + 1}. ${carrierLine(carrier)}`)),
    ...(sender === null ? [] : [senderLine(sender, country)]),
    ...(steps.length === 0 ? [] : [`If the code does not come back: ${stepsText(steps)}.`]),
  ];
}

function carrierLine({ name, firstFor, failing }: ExplainedCarrier): string {
  const share =
    firstFor === 0
      ? "if the others do not take the message"
      : firstFor === 100
        ? "first"
        : `first for ${Math.round(firstFor)} %`;
  return failing === null
    ? `${name}: ${share}`
    : `${name}: ${share}; failing since ${timeText(failing.since)}, probed by a few messages`;
}

const supportWords: Readonly<Record<ChosenSender["support"], string>> = {
  allowed: "takes names as senders",
  registered: "takes registered names as senders",
  forbidden: "takes no names as senders",
  unknown: "is not in Latchkey's table of senders",
};

function senderLine({ sender, support }: ChosenSender, country: string | null): string {
  return `Sender: ${sender ?? "that of the carrier's settings"}; ${country ?? "the number's network"} ${supportWords[support]}.`;
}
