import type { ContactKind } from "../model/contact.js";
import { choice, integer } from "./parse.js";
import { both, SettingError, setting } from "./setting.js";

const topic = "SolidX";

/** The variables of SolidX. They are the defaults of one app for calls through its dialect. */
export const solidxTable = {
  solidxApp: setting({
    name: "LATCHKEY_SOLIDX_APP",
    topic,
    purpose:
      "The app to whose calls through the dialect `solidx` the variables `IAM_…` apply, where its own policy says nothing.",
    unit: "id of an app",
    defaults: both(null),
    parse: appId,
  }),
  solidxPasswordless: setting({
    name: "IAM_PASSWORD_LESS_REGISTRATION",
    topic,
    purpose: "Whether codes register users and sign them in.",
    unit: "true or false",
    defaults: both(null),
    defaultsShown: { development: "true", production: "true" },
    parse: (text) => choice(["true", "false"])(text.toLowerCase()) === "true",
  }),
  solidxOtpExpiry: setting({
    name: "IAM_OTP_EXPIRY",
    topic,
    purpose: "How long a code can be redeemed.",
    unit: "1 to 10 minutes, as a number",
    defaults: both(null),
    defaultsShown: { development: "5", production: "5" },
    parse: (text) => integer({ min: 1, max: 10 })(text) * 60_000,
  }),
  solidxRegistrationSources: setting({
    name: "IAM_PASSWORD_LESS_REGISTRATION_VALIDATE_WHAT",
    topic,
    purpose: "The contacts that a registration proves. Another contact of the registration is left out of the user.",
    unit: "email, mobile or both",
    defaults: both(null),
    defaultsShown: { development: "email", production: "email" },
    parse: registrationSources,
  }),
  solidxLoginChannel: setting({
    name: "IAM_PASSWORD_LESS_LOGIN_VALIDATE_WHAT",
    topic,
    purpose:
      "The contact that gets the code of a sign-in by username. `selectable`: the one that the request names as its `type`. A sign-in by address or number always sends to it.",
    unit: "email, mobile or selectable",
    defaults: both(null),
    defaultsShown: { development: "selectable", production: "selectable" },
    parse: choice(["email", "mobile", "selectable"]),
  }),
};

function appId(text: string): string {
  if (/^[a-z][a-z0-9-]{1,31}$/.test(text)) return text;
  throw new SettingError(
    "must be the id of an app: 2 to 32 characters, a lower-case letter, then lower-case letters, digits and hyphens",
  );
}

/** SolidX's page says both, and its .env files have lists. */
function registrationSources(text: string): readonly ContactKind[] {
  const words = [...new Set(text.split(",").map((word) => word.trim()))].sort().join();
  const kinds = { email: ["email"], mobile: ["phone"], both: ["email", "phone"], "email,mobile": ["email", "phone"] } as const;
  const found = Object.entries(kinds).find(([written]) => written === words);
  if (found === undefined) throw new SettingError("must be email, mobile or both");
  return found[1];
}
