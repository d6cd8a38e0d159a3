import { wideNetworkFactor } from "../model/brakes.js";
import type { Caller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
import { type Channel, paidChannels } from "../model/channel.js";
import { phoneRange } from "../model/folded-identifier.js";
import type { Limit } from "../model/limit.js";
import type { Budget } from "../model/metrics.js";
import { type BudgetCharge, exactMax } from "../store/port/budgets.js";
import { type BudgetKind, keyOf } from "./budget-keys.js";
import type { Deps } from "./deps.js";

interface Brake {
  readonly name: Budget;
  readonly limits: readonly Limit[];
  readonly unlessSpent?: Uint8Array;
}

/**
 * The charges of one budget. Each limit that is counted in sub-windows gets a key of its own, because the shortest sub-windows
 * decide how long a row gets.
 */
function chargesOf(kind: BudgetKind, parts: readonly Uint8Array[], { limits, ...brake }: Brake): BudgetCharge[] {
  const exact = limits.filter(({ max }) => max <= exactMax);
  const charges: BudgetCharge[] = limits
    .filter(({ max }) => max > exactMax)
    .map((limit) => ({ key: keyOf(kind, ...parts, windowBytes(limit)), limits: [limit], ...brake }));
  return exact.length === 0 ? charges : [{ key: keyOf(kind, ...parts), limits: exact, ...brake }, ...charges];
}

function windowBytes({ windowMs }: Limit): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(windowMs, 0, 6);
  return bytes;
}

/**
 * The charges of the caller's address and of the wide network around it. None if the address is that of a client's own server:
 * the budget of the client counts such calls.
 */
function addressCharges(
  { lookup }: Pick<Deps, "lookup">,
  { address, hasOwnAddress }: Caller,
  { kinds: [own, wide], ...brake }: Brake & { readonly kinds: readonly [own: BudgetKind, wide: BudgetKind] },
): BudgetCharge[] {
  if (!hasOwnAddress) return [];
  const wideLimits = brake.limits.map(({ max, windowMs }) => ({ max: max * wideNetworkFactor, windowMs }));
  return [
    ...chargesOf(own, [lookup.network(address)], brake),
    ...chargesOf(wide, [lookup.wideNetwork(address)], { ...brake, limits: wideLimits }),
  ];
}

function clientCharges({ policy, confidential, client }: Caller): BudgetCharge[] {
  if (!confidential) return [];
  return chargesOf("clientSends", [Buffer.from(client.clientId)], { name: "client", limits: policy.brakes.clientSends });
}

/** The charges of a call that sends one code, whatever it is for. `ownSends` is the caller's own budget of the identifier. */
export function sendCallCharges(deps: Pick<Deps, "lookup">, caller: Caller, ownSends: Uint8Array): BudgetCharge[] {
  const { addressSends, addressIdentifiers } = caller.policy.brakes;
  const identifiers: Brake = { name: "address", limits: addressIdentifiers, unlessSpent: ownSends };
  return [
    ...addressCharges(deps, caller, { name: "address", limits: addressSends, kinds: ["addressSends", "wideSends"] }),
    ...(caller.hasOwnAddress ? chargesOf("addressIdentifiers", [deps.lookup.network(caller.address)], identifiers) : []),
    ...clientCharges(caller),
  ];
}

/** The charges of a registration, however many codes it sends. */
export function registrationCallCharges(deps: Pick<Deps, "lookup">, caller: Caller): BudgetCharge[] {
  const limits = caller.policy.brakes.addressRegistrations;
  const kinds = ["addressRegistrations", "wideRegistrations"] as const;
  return [...addressCharges(deps, caller, { name: "address", limits, kinds }), ...clientCharges(caller)];
}

/** The charges of a wrong code. */
export function failureCharges(deps: Pick<Deps, "lookup">, caller: Caller): BudgetCharge[] {
  const limits = caller.policy.brakes.addressFailures;
  return addressCharges(deps, caller, { name: "address", limits, kinds: ["addressFailures", "wideFailures"] });
}

/** The charges of one message that do not depend on the number that it goes to. */
export function messageCharges({ app, policy }: Caller, channel: Channel): BudgetCharge[] {
  const { appSends, paidSends, emailSends } = policy.brakes;
  const isPaid = paidChannels.includes(channel);
  const all: Brake = isPaid ? { name: "sms", limits: paidSends } : { name: "email", limits: emailSends };
  return [
    ...chargesOf("appSends", [Buffer.from(`${app.appId}\0${channel}`)], { name: "app", limits: appSends }),
    ...chargesOf("deploymentSends", [Buffer.from(isPaid ? "paid" : "email")], all),
  ];
}

/**
 * The charges of a message over a paid channel for its number. `shown` may refuse the call, because the request names the number.
 * `hidden` may not. Without a number these are the same writes to rows that only the identifier has, so that time does not show
 * whether there is one.
 */
export function numberCharges(
  { lookup }: Pick<Deps, "lookup">,
  { policy: { brakes } }: Caller,
  to: Pick<Challenge, "channel" | "contact" | "budgetKey"> & { readonly isNamed: boolean },
): { readonly shown: readonly BudgetCharge[]; readonly hidden: readonly BudgetCharge[] } {
  if (!paidChannels.includes(to.channel)) return { shown: [], hidden: [] };
  const range = to.contact?.kind === "phone" ? phoneRange(to.contact.value) : null;
  const prefix = range === null ? to.budgetKey : lookup.phonePrefix(range.prefix);
  const country = range === null ? to.budgetKey : Buffer.from(range.country);
  const charges = [
    ...chargesOf("prefixSends", [prefix], { name: "prefix", limits: brakes.prefixSends }),
    ...chargesOf("countrySends", [country], { name: "country", limits: brakes.countrySends }),
  ];
  return to.isNamed ? { shown: charges, hidden: [] } : { shown: [], hidden: charges };
}
