import { quote } from "../lib/escape.js";
import type { Limit } from "../model/limit.js";
import { durationText } from "../model/policy-rules.js";
import { parseDuration } from "./parse.js";
import { both, type Mode, type PerMode, type Setting, SettingError, setting } from "./setting.js";

const topic = "Budgets of sends and guesses";
const unit = "count/duration, several between commas: 10/1m,60/1h";

/** How many calls or messages the deployment allows. Each process counts in the shared database. */
export const brakesTable = {
  addressSends: brake({
    name: "LATCHKEY_LIMIT_ADDRESS_SENDS",
    purpose:
      "How many codes one address may request: an IPv4 address, or an IPv6 /64. A /24 or a /48 around it may request ten times as many. A confidential client is counted by the end user's address that it passes.",
    defaults: inProduction("10/1m,60/1h"),
  }),
  addressIdentifiers: brake({
    name: "LATCHKEY_LIMIT_ADDRESS_IDENTIFIERS",
    purpose: "To how many different identifiers one address may request codes.",
    defaults: inProduction("20/1h"),
  }),
  addressRegistrations: brake({
    name: "LATCHKEY_LIMIT_ADDRESS_REGISTRATIONS",
    purpose: "How many registrations one address may begin. A /24 or a /48 around it may begin ten times as many.",
    defaults: inProduction("10/1h"),
  }),
  addressFailures: brake({
    name: "LATCHKEY_LIMIT_ADDRESS_FAILURES",
    purpose: "How many wrong codes one address may send. A /24 or a /48 around it may send ten times as many.",
    defaults: inProduction("30/1h"),
  }),
  clientSends: brake({
    name: "LATCHKEY_LIMIT_CLIENT_SENDS",
    purpose: "How many sends and registrations one confidential client may request.",
    defaults: both("5000/1h"),
  }),
  prefixSends: brake({
    name: "LATCHKEY_LIMIT_PREFIX_SENDS",
    purpose: "How many messages that cost money go to phone numbers that differ in their last four digits only.",
    defaults: both("20/1h"),
  }),
  countrySends: brake({
    name: "LATCHKEY_LIMIT_COUNTRY_SENDS",
    purpose: "How many messages that cost money go to the phone numbers of one country.",
    defaults: both("500/1h"),
  }),
  appSends: brake({
    name: "LATCHKEY_LIMIT_APP_SENDS",
    purpose: "How many messages one app sends over one channel.",
    defaults: inProduction("5000/1h"),
  }),
  paidSends: brake({
    name: "LATCHKEY_LIMIT_SMS",
    purpose:
      "How many messages that cost money (SMS, WhatsApp, voice and USSD) the whole deployment sends. Set it to what you are ready to pay for.",
    defaults: inProduction("1000/1h,10000/24h"),
  }),
  emailSends: brake({
    name: "LATCHKEY_LIMIT_EMAIL",
    purpose: "How many e-mails the whole deployment sends.",
    defaults: inProduction("5000/1h"),
  }),
};

function brake(row: Pick<Setting<readonly Limit[]>, "name" | "purpose" | "defaults">): Setting<readonly Limit[]> {
  const defaultsShown = row.defaults.development === "" ? { development: "none" } : {};
  return setting({ ...row, topic, unit, defaultsShown, parse: limits });
}

/** Development sends nothing that costs money, and all of its callers share one address. */
function inProduction(limit: string): PerMode<string> {
  return { development: "", production: limit };
}

const bounds = { countMax: 1_000_000, windowMinMs: 60_000, windowMaxMs: 31 * 86_400_000, limitsMax: 4 };

/** An empty text is no limit, which production refuses. */
function limits(text: string, mode: Mode | null): readonly Limit[] {
  if (text.trim() === "") {
    if (mode === "production") throw new SettingError("must have a limit in production, such as 1000/1h: raise it instead");
    return [];
  }
  const parsed = text.split(",").map((entry) => limit(entry.trim(), text));
  if (parsed.length > bounds.limitsMax) throw new SettingError(`must have at most ${bounds.limitsMax} limits`);
  if (new Set(parsed.map(({ windowMs }) => windowMs)).size < parsed.length) {
    throw new SettingError("must have one limit for each duration: remove the larger one");
  }
  return parsed;
}

function limit(entry: string, text: string): Limit {
  const match = /^(\d{1,9})\/(\w+)$/.exec(entry);
  const windowMs = match === null ? null : parseDuration(match[2]!);
  if (match === null || windowMs === null) {
    throw new SettingError(`must be limits such as 10/1m,60/1h, each a count and a duration, not ${quote(text)}`);
  }
  const max = Number(match[1]);
  if (max < 1 || max > bounds.countMax) throw new SettingError(`must have counts from 1 to ${bounds.countMax}, not ${max}`);
  if (windowMs < bounds.windowMinMs || windowMs > bounds.windowMaxMs) {
    const [shortest, longest] = [bounds.windowMinMs, bounds.windowMaxMs].map(durationText);
    throw new SettingError(`must have durations from ${shortest} to ${longest}, not ${match[2]}`);
  }
  return { max, windowMs };
}
