import { isIP, type LookupFunction } from "node:net";
import { canonicalAddress } from "../lib/network.js";
import type { Allowed } from "./allowed.js";
import { type Resolve, resolveBySystem } from "./destination.js";
import { isPublicAddress } from "./public-address.js";

/** Which addresses sockets may connect to. */
export interface AddressRules {
  /** The operator's exceptions. Every other address must be public. */
  readonly allowed: Allowed;
  /** Whether public addresses are refused too, as for http. */
  readonly listedOnly?: boolean;
  /** Tests replace it. Default: the system's. */
  readonly resolve?: Resolve;
}

/** The error code of a connection to an address that the rules refuse. */
export const addressRefused = "ADDRESS_REFUSED";

/**
 * Returns whether the rules let a socket connect to a host. A name passes, because `checkedLookup` checks its addresses. Sockets
 * don't look up a literal address, so their callers must ask here first. An IPv6 address has no brackets.
 */
export function mayConnectTo(host: string, rules: AddressRules): boolean {
  return isIP(host) === 0 || rules.allowed.host(host) || isAllowed(host, rules);
}

/**
 * Returns a lookup for sockets of any protocol. It checks every address of a name at connect time, so that a name that changes its
 * addresses later (DNS rebinding) reaches nothing private. It fails with the code ADDRESS_REFUSED if one address is refused.
 */
export function checkedLookup(rules: AddressRules): LookupFunction {
  const { allowed, resolve = resolveBySystem } = rules;
  return (host, options, done) => {
    resolve(host).then(
      (addresses) => {
        const found = addresses.map((address) => ({ address, family: isIP(address) }));
        const isRefused = !allowed.host(host) && !addresses.every((address) => isAllowed(address, rules));
        if (found.length === 0) done(withCode("ENOTFOUND"), []);
        else if (isRefused) done(withCode(addressRefused), []);
        else if (options.all) done(null, found);
        else done(null, found[0]!.address, found[0]!.family);
      },
      () => done(withCode("ENOTFOUND"), []),
    );
  };
}

/** A zone names an interface of this machine. */
function isAllowed(text: string, { allowed, listedOnly = false }: AddressRules): boolean {
  const address = canonicalAddress(text);
  if (address === null || text.includes("%")) return false;
  return allowed.address(address) || (!listedOnly && isPublicAddress(address));
}

export function withCode(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}
