import { isIP } from "node:net";
import { SettingError } from "./setting.js";

/** Reads an IP address or a network in CIDR form. */
export function parseNetwork(text: string, position: number): string {
  const match = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text);
  const family = match === null ? 0 : isIP(match[1]!);
  if (match === null || family === 0) {
    throw new SettingError(`entry ${position} must be an IP address or a network such as 10.0.0.0/8 or fd00::/8`);
  }
  if (/^::ffff:\d+\./i.test(text)) {
    throw new SettingError(`entry ${position} must be written as an IPv4 address, without ::ffff:`);
  }
  const prefix = match[2];
  if (prefix !== undefined && !(Number(prefix) >= 1 && Number(prefix) <= (family === 6 ? 128 : 32))) {
    throw new SettingError(
      `entry ${position} must have a prefix length from 1 to ${family === 6 ? 128 : 32}: /0 would let every caller choose its address`,
    );
  }
  return text.toLowerCase();
}
