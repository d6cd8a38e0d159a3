import { duration, flag, integer } from "./parse.js";
import { both, setting } from "./setting.js";

/** The settings that make up the policy of the default app, in the order in which they are shown. */
export const policyTable = {
  codeLength: setting({
    name: "LATCHKEY_CODE_LENGTH",
    topic: "Codes and sessions",
    purpose: "How many digits a code has.",
    unit: "6 to 10 digits",
    defaults: both("6"),
    parse: integer({ min: 6, max: 10 }),
  }),
  codeTtl: setting({
    name: "LATCHKEY_CODE_TTL",
    topic: "Codes and sessions",
    purpose: "How long a code can be redeemed.",
    unit: "duration, at most 10m; in production at least 1m",
    defaults: both("300s"),
    parse: duration({ min: "1ms", productionMin: "60s", max: "600s" }),
  }),
  resendCooldown: setting({
    name: "LATCHKEY_RESEND_COOLDOWN",
    topic: "Codes and sessions",
    purpose: "The wait between the first and the second code to one identifier. Later waits are longer, up to 15 minutes.",
    unit: "duration, at most 15m; in production at least 15s",
    defaults: both("30s"),
    parse: duration({ min: "0", productionMin: "15s", max: "15m" }),
  }),
  accessTokenTtl: setting({
    name: "LATCHKEY_ACCESS_TOKEN_TTL",
    topic: "Codes and sessions",
    purpose: "How long an access token is valid.",
    unit: "duration, at most 1h; in production at least 1m",
    defaults: both("600s"),
    parse: duration({ min: "1s", productionMin: "60s", max: "60m" }),
  }),
  refreshIdle: setting({
    name: "LATCHKEY_REFRESH_IDLE",
    topic: "Codes and sessions",
    purpose: "How long a session lasts without a refresh.",
    unit: "duration, at most 90d",
    defaults: both("7d"),
    parse: duration({ min: "1ms", max: "90d" }),
  }),
  refreshAbsolute: setting({
    name: "LATCHKEY_REFRESH_ABSOLUTE",
    topic: "Codes and sessions",
    purpose: "How long a session lasts at most, with or without refreshes.",
    unit: "duration, at most 90d",
    defaults: both("30d"),
    parse: duration({ min: "1ms", max: "90d" }),
  }),
  refreshGrace: setting({
    name: "LATCHKEY_REFRESH_GRACE",
    topic: "Codes and sessions",
    purpose: "How long a refresh token that was just used returns the same next token again, in case the reply was lost.",
    unit: "duration, at most 60s",
    defaults: both("10s"),
    parse: duration({ min: "0", max: "60s" }),
  }),
  autoRegistration: setting({
    name: "LATCHKEY_AUTO_REGISTRATION",
    topic: "Codes and sessions",
    purpose: "Whether a sign-in with an unknown contact may create a user.",
    unit: "on or off",
    defaults: { development: "on", production: "off" },
    parse: flag,
  }),
};
