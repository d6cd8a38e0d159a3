import { duration, flag, integer } from "./parse.js";
import { both, setting } from "./setting.js";

/** The settings that the policy of the default app is made of, in the order in which they are shown. */
export const policyTable = {
  codeLength: setting({
    name: "LATCHKEY_CODE_LENGTH",
    purpose: "How long codes are.",
    unit: "6 to 10 digits",
    defaults: both("6"),
    parse: integer({ min: 6, max: 10 }),
  }),
  codeTtl: setting({
    name: "LATCHKEY_CODE_TTL",
    purpose: "How long a code can be redeemed.",
    unit: "duration",
    defaults: both("300s"),
    parse: duration({ min: "1ms", productionMin: "60s", max: "600s" }),
  }),
  resendCooldown: setting({
    name: "LATCHKEY_RESEND_COOLDOWN",
    purpose: "The wait between the first and the second send to an identifier; later waits grow from it, up to 15 minutes.",
    unit: "duration",
    defaults: both("30s"),
    parse: duration({ min: "0", productionMin: "15s", max: "15m" }),
  }),
  accessTokenTtl: setting({
    name: "LATCHKEY_ACCESS_TOKEN_TTL",
    purpose: "How long an access token is good.",
    unit: "duration",
    defaults: both("600s"),
    parse: duration({ min: "1s", productionMin: "60s", max: "60m" }),
  }),
  refreshIdle: setting({
    name: "LATCHKEY_REFRESH_IDLE",
    purpose: "How long a session lasts without a refresh.",
    unit: "duration",
    defaults: both("7d"),
    parse: duration({ min: "1ms", max: "90d" }),
  }),
  refreshAbsolute: setting({
    name: "LATCHKEY_REFRESH_ABSOLUTE",
    purpose: "How long a session lasts at all.",
    unit: "duration",
    defaults: both("30d"),
    parse: duration({ min: "1ms", max: "90d" }),
  }),
  refreshGrace: setting({
    name: "LATCHKEY_REFRESH_GRACE",
    purpose: "How long the refresh token just spent gives its successor again, for replies that were lost.",
    unit: "duration",
    defaults: both("10s"),
    parse: duration({ min: "0", max: "60s" }),
  }),
  autoRegistration: setting({
    name: "LATCHKEY_AUTO_REGISTRATION",
    purpose: "Whether a sign-in with a contact that nobody has may make a user.",
    unit: "on or off",
    defaults: { development: "on", production: "off" },
    parse: flag,
  }),
};
