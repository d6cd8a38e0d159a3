import { parseKeys } from "./key-list.js";
import { choice, duration } from "./parse.js";
import { both, setting } from "./setting.js";

const inDevelopment = "a start with LATCHKEY_MODE=development makes one by itself";
const makeKey = "make one with `openssl rand -base64 32` and keep it outside the database and its backups";

/** The settings of secrets and keys, in the order in which they are shown. */
export const keysTable = {
  pepper: setting({
    name: "LATCHKEY_PEPPER",
    topic: "Secrets and keys",
    purpose: "The secret that protects stored codes if the database is copied.",
    unit: "32 random bytes in base64; several as id:base64,id:base64, of which the first is current at the first start",
    defaults: both(null),
    defaultsShown: { development: "made in .latchkey/pepper" },
    required: { development: `${makeKey}; ${inDevelopment}`, production: makeKey },
    secret: true,
    parse: parseKeys,
  }),
  masterKey: setting({
    name: "LATCHKEY_MASTER_KEY",
    topic: "Secrets and keys",
    purpose: "The secret that encrypts stored secrets and from which refresh tokens are derived.",
    unit: "32 random bytes in base64; several as id:base64,id:base64, of which the first is current at the first start",
    defaults: both(null),
    defaultsShown: { development: "made in .latchkey/master-key" },
    required: { development: `${makeKey}; ${inDevelopment}`, production: makeKey },
    secret: true,
    parse: parseKeys,
  }),
  codeHash: setting({
    name: "LATCHKEY_CODE_HASH",
    topic: "Secrets and keys",
    purpose:
      "How codes are hashed. fast relies on the pepper and allows hundreds of sign-ins a second on two cores. owasp is argon2id at OWASP's minimum, for deployments whose rules require it.",
    unit: "fast or owasp",
    defaults: both("fast"),
    parse: choice(["fast", "owasp"]),
  }),
  signingAlg: setting({
    name: "LATCHKEY_SIGNING_ALG",
    topic: "Secrets and keys",
    purpose: "The algorithm of the next signing key. `latchkey keys rotate` makes one now.",
    unit: "ES256, EdDSA or RS256",
    defaults: both("ES256"),
    parse: choice(["ES256", "EdDSA", "RS256"]),
  }),
  keyLead: setting({
    name: "LATCHKEY_KEY_LEAD",
    topic: "Secrets and keys",
    purpose:
      "How long a new signing key is published before it signs. Production needs at least 5.5 minutes, because verifiers may cache keys that long.",
    unit: "duration, at most 30d",
    defaults: both("24h"),
    parse: duration({ min: "0", productionMin: "330s", max: "30d" }),
  }),
};
