import type { Limit } from "./limit.js";

/**
 * The limits that stop a stranger from spending the operator's money or reputation, shared by all apps and processes. An empty
 * list is no limit.
 */
export interface Brakes {
  /** Codes that one network address requests. */
  readonly addressSends: readonly Limit[];
  /** Different identifiers to which one address requests codes. */
  readonly addressIdentifiers: readonly Limit[];
  readonly addressRegistrations: readonly Limit[];
  /** Wrong codes from one address. */
  readonly addressFailures: readonly Limit[];
  /** Codes that one confidential client requests. */
  readonly clientSends: readonly Limit[];
  /** Messages over paid channels to the numbers that differ in the last four digits only. */
  readonly prefixSends: readonly Limit[];
  /** Messages over paid channels to one country. */
  readonly countrySends: readonly Limit[];
  /** Messages of one app over one channel. */
  readonly appSends: readonly Limit[];
  /** All messages over paid channels. */
  readonly paidSends: readonly Limit[];
  /** All e-mails. */
  readonly emailSends: readonly Limit[];
}

/** A wide network, a /24 of IPv4 or a /48 of IPv6, may have this many times what one address may. */
export const wideNetworkFactor = 10;
