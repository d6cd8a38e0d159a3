import { createHash } from "node:crypto";
import type { Channel } from "./channel.js";
import type { Contact } from "./contact.js";
import { countryOf } from "./phone-number.js";

/** A carrier of a route. */
export interface RoutedCarrier {
  /** Its name in the deployment. That of an app's carrier begins with the app's id and a slash. */
  readonly name: string;
  /** Its share of the messages that are given to it first. 0: it is used after the others, in the order of the list. */
  readonly weight: number;
}

/** Which carriers and senders the messages of an app use that match it. */
export interface Route {
  readonly channel: Channel;
  /** ISO 3166-1 alpha-2. With `prefixes`: either may match. Both empty: it matches all. */
  readonly countries: readonly string[];
  /** Beginnings of numbers such as `+4917`. */
  readonly prefixes: readonly string[];
  /** Empty: all that the app has for the channel, in their order. */
  readonly carriers: readonly RoutedCarrier[];
  /** Names or numbers that an SMS may come from. The first one that the country takes is used. Empty: the carrier's own. */
  readonly senders: readonly string[];
}

/** The routes of an app. Of those that match a message, the first one counts. */
export type AppRouting = readonly Route[];

export interface Destination {
  readonly channel: Channel;
  readonly contact: Contact;
}

/** Returns the first route that matches a message. Null if none does, so that the channel's carriers are used in their order. */
export function routeOf(routing: AppRouting, { channel, contact }: Destination): Route | null {
  const ofChannel = routing.filter((route) => route.channel === channel);
  if (ofChannel.length === 0) return null;
  const country = contact.kind === "phone" ? countryOf(contact.value) : null;
  return ofChannel.find((route) => matches(route, contact.value, country)) ?? null;
}

/** Returns whether a route is for some countries or numbers only. */
export function isNamed({ countries, prefixes }: Pick<Route, "countries" | "prefixes">): boolean {
  return countries.length > 0 || prefixes.length > 0;
}

function matches({ countries, prefixes }: Route, value: string, country: string | null): boolean {
  if (!isNamed({ countries, prefixes })) return true;
  return (country !== null && countries.includes(country)) || prefixes.some((prefix) => value.startsWith(prefix));
}

/**
 * Returns carriers in the order in which a message tries them: one chosen by weight, then the others as listed, then those of failing
 * routes. If all fail, they are used as listed. The same message always gets the same order.
 */
export function orderedCarriers<Carrier extends RoutedCarrier>(
  carriers: readonly Carrier[],
  { messageId, isFailing }: { readonly messageId: number; readonly isFailing: (carrier: Carrier) => boolean },
): readonly Carrier[] {
  const failing = carriers.filter(isFailing);
  const working = failing.length === carriers.length ? carriers : carriers.filter((carrier) => !failing.includes(carrier));
  const first = chosen(working, messageId);
  const others = working.filter((carrier) => carrier !== first);
  return [...(first === undefined ? [] : [first]), ...others, ...(working === carriers ? [] : failing)];
}

function chosen<Carrier extends RoutedCarrier>(carriers: readonly Carrier[], messageId: number): Carrier | undefined {
  const sum = carriers.reduce((total, { weight }) => total + weight, 0);
  if (sum === 0) return carriers[0];
  let left = fractionOf(messageId) * sum;
  return carriers.find(({ weight }) => {
    left -= weight;
    return left < 0;
  });
}

/** Returns a number from 0 (inclusive) to 1 (exclusive) that looks random and is the same for one message. */
function fractionOf(messageId: number): number {
  return createHash("sha256").update(String(messageId)).digest().readUInt32BE() / 2 ** 32;
}
