import { countryOf } from "../model/phone-number.js";
import type { RouteKey } from "../model/route-health.js";
import { type AppRouting, isNamed, orderedCarriers, type Route, type RoutedCarrier, routeOf } from "../model/routing.js";
import { senderFor } from "../model/sender.js";
import type { DeliverDeps, Delivery } from "./deliver.js";
import type { LearnedRoutes } from "./learned-routes.js";
import type { Provider } from "./provider.js";

export interface RoutingDeps {
  readonly routingOf: (appId: string) => AppRouting;
  /** Returns the carriers that the app uses for the message's channel if no route names others, in their order. */
  readonly carriersOf: (delivery: Delivery) => readonly Provider[] | Promise<readonly Provider[]>;
  /** Returns the deployment's carriers of the message's channel, which routes may name too. */
  readonly ofDeployment: (delivery: Delivery) => readonly Provider[];
  readonly learned: Pick<LearnedRoutes, "failing" | "isFailing" | "takeProbe">;
}

/**
 * Returns the sender of a message: the first one that its country takes, of the one that the call asks for and those of the route.
 * Null: that of the carrier's settings.
 */
export function senderOf(routing: AppRouting, delivery: Pick<Delivery, "channel" | "contact" | "words">): string | null {
  const { channel, contact, words } = delivery;
  const asked = words?.senderId ?? null;
  if (channel !== "sms") return asked;
  const route = routeOf(routing, delivery);
  const wanted = [...(asked === null ? [] : [asked]), ...(route?.senders ?? [])];
  if (wanted.length === 0) return null;
  return senderFor(wanted, { country: countryOf(contact.value), isNamed: route !== null && isNamed(route) }).sender;
}

interface Candidate extends RoutedCarrier {
  readonly provider: Provider;
}

/**
 * Returns what finds the carriers of a message, in the order in which it tries them. The app's route names them; carriers of failing
 * routes come last, but for a probe, which comes first.
 */
export function createRouting(deps: RoutingDeps): DeliverDeps["carriersOf"] {
  return (delivery, messageId) => {
    const routing = deps.routingOf(delivery.appId);
    // Most messages end here, without a look at their number.
    if (routing.length === 0 && deps.learned.failing().length === 0) return deps.carriersOf(delivery);
    return routed(deps, { delivery, messageId, route: routeOf(routing, delivery) });
  };
}

async function routed(
  deps: RoutingDeps,
  { delivery, messageId, route }: { readonly delivery: Delivery; readonly messageId: number; readonly route: Route | null },
): Promise<readonly Provider[]> {
  const own = await deps.carriersOf(delivery);
  const candidates = candidatesOf(own, deps.ofDeployment(delivery), route);
  const keyOf = routeKeys(delivery);
  const isFailing = (candidate: Candidate): boolean => {
    const key = keyOf(candidate);
    return key !== null && deps.learned.isFailing(key);
  };
  const ordered = orderedCarriers(candidates, { messageId, isFailing });
  const probed = await probeAmong(deps, ordered.slice(1).filter(isFailing), keyOf);
  const first = probed === null ? [] : [probed];
  return [...first, ...ordered.filter((candidate) => candidate !== probed)].map(({ provider }) => provider);
}

/** A route whose carriers were all removed counts as one that names none. */
function candidatesOf(own: readonly Provider[], ofDeployment: readonly Provider[], route: Route | null): readonly Candidate[] {
  const named = (route?.carriers ?? []).flatMap(({ name, weight }) => {
    const provider = [...own, ...ofDeployment].find((one) => one.name === name);
    return provider === undefined ? [] : [{ name, weight, provider }];
  });
  return named.length > 0 ? named : own.map((provider) => ({ name: provider.name, weight: 0, provider }));
}

function routeKeys({ channel, contact }: Delivery): (candidate: Candidate) => RouteKey | null {
  const country = contact.kind === "phone" ? countryOf(contact.value) : null;
  return ({ name }) => (country === null ? null : { provider: name, channel, country });
}

/** If all routes fail, the first one is used, so none is probed before it. */
async function probeAmong(
  { learned }: RoutingDeps,
  failing: readonly Candidate[],
  keyOf: (candidate: Candidate) => RouteKey | null,
): Promise<Candidate | null> {
  for (const candidate of failing) if (await learned.takeProbe(keyOf(candidate)!)) return candidate;
  return null;
}
