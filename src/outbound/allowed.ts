import { addressList, networkProblem } from "../lib/network.js";

/** The exceptions that the operator makes from the rule that calls go to public addresses over https. */
export interface Allowed {
  /** A host by its name, whatever addresses it has. */
  host(host: string): boolean;
  /** A canonical address. */
  address(address: string): boolean;
}

/** Reads a list of host names, addresses and networks in CIDR form, all in lower case. */
export function createAllowed(entries: readonly string[]): Allowed {
  const isNetwork = (entry: string): boolean => networkProblem(entry) === null;
  const hosts = new Set(entries.filter((entry) => !isNetwork(entry)));
  return { host: (host) => hosts.has(host), address: addressList(entries.filter(isNetwork)) };
}
