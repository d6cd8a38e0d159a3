import { hostOrNetworkProblem, networkProblem } from "../lib/network.js";
import { SettingError } from "./setting.js";

/** Reads an IP address or a network in CIDR form. */
export function parseNetwork(text: string, position: number): string {
  const problem = networkProblem(text);
  if (problem !== null) throw new SettingError(`entry ${position} ${problem}`);
  return text.toLowerCase();
}

/** Reads a host name, an IP address or a network in CIDR form. */
export function parseHostOrNetwork(text: string, position: number): string {
  const problem = hostOrNetworkProblem(text.toLowerCase());
  if (problem !== null) throw new SettingError(`entry ${position} ${problem}`);
  return text.toLowerCase();
}
