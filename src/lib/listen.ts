import { BlockList, isIP } from "node:net";

/** The address that a server listens on. Port 0 lets the system choose a port. */
export interface Listen {
  readonly host: string;
  readonly port: number;
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/**
 * Parses `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`. Returns null for anything else. Other host names are refused,
 * because we do not control the addresses they resolve to.
 */
export function parseListen(text: string): Listen | null {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^[\]:]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, v6, name, digits] = match;
  const port = Number(digits);
  if (port > 65_535) return null;
  if (v6 !== undefined) return isIP(v6) === 6 ? { host: v6.toLowerCase(), port } : null;
  const host = name!.toLowerCase();
  return host === "localhost" || isIP(host) === 4 ? { host, port } : null;
}

export function formatListen({ host, port }: Listen): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Returns whether `host` is reachable only from this machine: `localhost`, 127.0.0.0/8 or ::1. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host === "localhost";
  return loopback.check(host, family === 6 ? "ipv6" : "ipv4");
}
