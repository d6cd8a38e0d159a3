import type { Route, RoutedCarrier } from "../../model/routing.js";
import { CliError } from "../io.js";

type Routes = readonly Omit<Route, "channel">[];

const example = `[{"countries": ["SE"], "carriers": [{"name": "shop/sms", "weight": 1}], "senders": ["SHOP"]}]`;

/** Reads a JSON list of routes. What a route leaves out is empty; a weight that is left out is 0. Throws `CliError`. */
export function parseRoutes(text: string): Routes {
  const list = parsed(text);
  if (!Array.isArray(list)) throw new CliError(`--file must hold a JSON list of routes such as ${example}.`);
  return list.map((item, index) => {
    const { countries, prefixes, carriers, senders } = fieldsOf(item, ["countries", "prefixes", "carriers", "senders"], index);
    return {
      countries: textsIn(countries, "countries", index),
      prefixes: textsIn(prefixes, "prefixes", index),
      carriers: listIn(carriers, "carriers", index).map((carrier) => carrierOf(carrier, index)),
      senders: textsIn(senders, "senders", index),
    };
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CliError(`--file must hold a JSON list of routes such as ${example}.`);
  }
}

function carrierOf(item: unknown, index: number): RoutedCarrier {
  const { name, weight = 0 } = fieldsOf(item, ["name", "weight"], index);
  if (typeof name === "string" && typeof weight === "number") return { name, weight };
  throw wrong(index, 'must have carriers such as {"name": "shop/sms", "weight": 1}');
}

function fieldsOf<Name extends string>(
  item: unknown,
  names: readonly Name[],
  index: number,
): Readonly<Partial<Record<Name, unknown>>> {
  if (typeof item !== "object" || item === null || Array.isArray(item)) throw wrong(index, `must be like those in ${example}`);
  const unknown = Object.keys(item).filter((key) => !(names as readonly string[]).includes(key));
  if (unknown.length > 0) throw wrong(index, `may have ${names.join(", ")} and nothing besides`);
  return item as Partial<Record<Name, unknown>>;
}

function listIn(value: unknown, name: string, index: number): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw wrong(index, `must have a list as ${name}`);
}

function textsIn(value: unknown, name: string, index: number): readonly string[] {
  const list = listIn(value, name, index);
  if (list.every((item) => typeof item === "string")) return list;
  throw wrong(index, `must have a list of texts as ${name}`);
}

function wrong(index: number, description: string): CliError {
  return new CliError(`Route ${index + 1} in --file ${description}.`);
}

export function routeFields({ channel, countries, prefixes, carriers, senders }: Route) {
  return { channel, countries, prefixes, carriers: carriers.map(({ name, weight }) => ({ name, weight })), senders };
}

export function routeLine({ countries, prefixes, carriers, senders }: Route): string {
  const matched = [...countries, ...prefixes].join(", ") || "all";
  const names = carriers.map(({ name, weight }) => (weight === 0 ? name : `${name} (weight ${weight})`)).join(", ");
  const from = senders.length === 0 ? "" : `, from ${senders.join(" or ")}`;
  return `to ${matched}: ${names || "the channel's carriers"}${from}`;
}
