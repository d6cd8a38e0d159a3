import { parseKeys } from "./key-list.js";
import { parseNetwork } from "./network.js";
import { choice, duration, flag, integer, list, listener, parseAppName, parseBearerToken, path } from "./parse.js";
import { policyTable } from "./policy-table.js";
import { both, type Mode, setting } from "./setting.js";
import { parseSmtpUrl } from "./smtp-url.js";
import { parseDatabaseUrl, parseIssuer, parseOrigin } from "./urls.js";

const inDevelopment = "LATCHKEY_MODE=development makes and keeps one by itself when it starts";
const makeKey = "make one with `openssl rand -base64 32` and keep it outside the database and its backups";

/** All settings, in the order in which they are shown. */
export const table = {
  mode: setting({
    name: "LATCHKEY_MODE",
    purpose:
      "What this deployment is for: development keeps everything on this machine and relaxes limits, production takes no risk.",
    unit: "development or production",
    defaults: both(null),
    required: both("set it to development or production"),
    parse: choice<Mode>(["development", "production"]),
  }),
  database: setting({
    name: "LATCHKEY_DATABASE_URL",
    purpose:
      "Where everything is stored: a SQLite file, or PostgreSQL on one host or several, with the parameters `sslmode` (disable, require, verify-ca or verify-full, the default off this machine), `sslrootcert`, `sslcert`, `sslkey`, `passfile`, `target_session_attrs` and `host`.",
    unit: "sqlite:<path>, or postgres://user:password@host:port,host:port/database?sslmode=…",
    defaults: both("sqlite:latchkey.db"),
    secret: true,
    parse: parseDatabaseUrl,
  }),
  databasePool: setting({
    name: "LATCHKEY_DATABASE_POOL",
    purpose:
      "How many connections to PostgreSQL this process may hold, beside one for its health; those of all processes must fit into the server's limit.",
    unit: "1 to 500 connections",
    defaults: both("10"),
    parse: integer({ min: 1, max: 500 }),
  }),
  grpcListen: setting({
    name: "LATCHKEY_GRPC_LISTEN",
    purpose: "Where native gRPC is served.",
    unit: "address:port",
    // A production listener can be open by default because TLS off this machine has to be decided on first.
    defaults: { development: "127.0.0.1:50051", production: "0.0.0.0:50051" },
    parse: listener({ loopbackOnly: false }),
  }),
  httpListen: setting({
    name: "LATCHKEY_HTTP_LISTEN",
    purpose: "Where Connect, gRPC-Web and everything else over HTTP is served.",
    unit: "address:port",
    defaults: { development: "127.0.0.1:8080", production: "0.0.0.0:8080" },
    parse: listener({ loopbackOnly: false }),
  }),
  inboxListen: setting({
    name: "LATCHKEY_INBOX_LISTEN",
    purpose: "Where the developer inbox shows the codes that were sent; development only, this machine only.",
    unit: "address:port",
    defaults: { development: "127.0.0.1:8025", production: null },
    parse: listener({ loopbackOnly: true }),
  }),
  workers: setting({
    name: "LATCHKEY_WORKERS",
    purpose: "How many processes serve on this machine, sharing its ports; more than one needs PostgreSQL.",
    unit: "1 to 64 processes",
    defaults: both("1"),
    parse: integer({ min: 1, max: 64 }),
  }),
  metricsListen: setting({
    name: "LATCHKEY_METRICS_LISTEN",
    purpose:
      "Where Prometheus finds the metrics, over plain HTTP. Off this machine, keep the address to a private network and set LATCHKEY_METRICS_TOKEN.",
    unit: "address:port",
    defaults: both("127.0.0.1:9464"),
    parse: listener({ loopbackOnly: false }),
  }),
  metricsToken: setting({
    name: "LATCHKEY_METRICS_TOKEN",
    purpose: "The bearer token that Prometheus must send to read the metrics.",
    unit: "16 to 256 letters, digits and - . _ ~ + / =",
    defaults: both(null),
    secret: true,
    parse: parseBearerToken,
  }),
  drainDelay: setting({
    name: "LATCHKEY_DRAIN_DELAY",
    purpose:
      "How long calls are still accepted after SIGTERM or SIGINT while readiness already fails, so that balancers have time to send them elsewhere.",
    unit: "duration",
    defaults: { development: "0", production: "5s" },
    parse: duration({ min: "0", max: "5m" }),
  }),
  issuer: setting({
    name: "LATCHKEY_ISSUER",
    purpose: "The public URL of this service, which its tokens name as their issuer.",
    unit: "https URL without a trailing slash",
    defaults: both(null),
    defaultsShown: { development: "http://localhost:<HTTP port>, https with LATCHKEY_TLS=files" },
    required: { production: "set it to the public URL of this service, such as https://auth.example.com" },
    parse: parseIssuer,
  }),
  pepper: setting({
    name: "LATCHKEY_PEPPER",
    purpose: "The secret that protects stored codes if the database is copied.",
    unit: "32 random bytes in base64, or id:base64,id:base64 with the current one first",
    defaults: both(null),
    defaultsShown: { development: "made in .latchkey/pepper" },
    required: { development: `${makeKey}; ${inDevelopment}`, production: makeKey },
    secret: true,
    parse: parseKeys,
  }),
  masterKey: setting({
    name: "LATCHKEY_MASTER_KEY",
    purpose: "The secret that seals stored secrets and from which refresh tokens are derived.",
    unit: "32 random bytes in base64, or id:base64,id:base64 with the current one first",
    defaults: both(null),
    defaultsShown: { development: "made in .latchkey/master-key" },
    required: { development: `${makeKey}; ${inDevelopment}`, production: makeKey },
    secret: true,
    parse: parseKeys,
  }),
  codeHash: setting({
    name: "LATCHKEY_CODE_HASH",
    purpose:
      "How codes are hashed: fast relies on the pepper and allows hundreds of sign-ins a second on two cores; owasp is argon2id at OWASP's minimum, for deployments whose rules name it.",
    unit: "fast or owasp",
    defaults: both("fast"),
    parse: choice(["fast", "owasp"]),
  }),
  smtp: setting({
    name: "LATCHKEY_SMTP_URL",
    purpose: "The mail server that carries codes, with the sender as `from` and `starttls` required, optional or never.",
    unit: "smtp:// or smtps:// URL, user:password@host:port?from=…&starttls=…",
    defaults: both(null),
    defaultsShown: { development: "none, messages go to the inbox alone" },
    required: {
      production: "set it to the mail server that is to carry codes, smtp://user:password@host:587?from=codes@example.com",
    },
    secret: true,
    parse: parseSmtpUrl,
  }),
  appName: setting({
    name: "LATCHKEY_APP_NAME",
    purpose: "What messages call the app that a code is for.",
    unit: "1 to 40 characters on one line",
    defaults: both("Latchkey"),
    parse: parseAppName,
  }),
  allowedOrigins: setting({
    name: "LATCHKEY_ALLOWED_ORIGINS",
    purpose: "The web origins whose pages may call this service.",
    unit: "scheme://host[:port], between commas",
    defaults: { development: null, production: "" },
    defaultsShown: { development: "any port of localhost and 127.0.0.1", production: "none" },
    parse: list(parseOrigin),
  }),
  trustedProxies: setting({
    name: "LATCHKEY_TRUSTED_PROXIES",
    purpose:
      "The proxies in front of this service whose X-Forwarded-For is believed. Their connections are exempt from the cap on one network.",
    unit: "IP addresses and networks, between commas",
    defaults: both(""),
    defaultsShown: both("none"),
    parse: list(parseNetwork),
  }),
  defaultClient: setting({
    name: "LATCHKEY_DEFAULT_CLIENT",
    purpose:
      "Whether callers that name no client are the public client default-web; production needs it on until clients can be made.",
    unit: "on or off",
    defaults: { development: "on", production: "off" },
    parse: flag,
  }),
  tls: setting({
    name: "LATCHKEY_TLS",
    purpose: "Where TLS ends: nowhere, at this service with the files below, or at a proxy in front of it.",
    unit: "off, files or terminated",
    defaults: both("off"),
    parse: choice(["off", "files", "terminated"]),
  }),
  tlsCert: setting({
    name: "LATCHKEY_TLS_CERT",
    purpose: "The certificate chain of LATCHKEY_TLS=files.",
    unit: "path of a PEM file",
    defaults: both(null),
    parse: path,
  }),
  tlsKey: setting({
    name: "LATCHKEY_TLS_KEY",
    purpose: "The private key of LATCHKEY_TLS=files.",
    unit: "path of a PEM file",
    defaults: both(null),
    parse: path,
  }),
  tlsClientCa: setting({
    name: "LATCHKEY_TLS_CLIENT_CA",
    purpose:
      "The authority whose client certificates are asked for (mTLS). If it is not set, no client certificates are asked for.",
    unit: "path of a PEM file",
    defaults: both(null),
    parse: path,
  }),
  signingAlg: setting({
    name: "LATCHKEY_SIGNING_ALG",
    purpose: "The algorithm of the next signing key; `latchkey keys rotate` makes one now.",
    unit: "ES256, EdDSA or RS256",
    defaults: both("ES256"),
    parse: choice(["ES256", "EdDSA", "RS256"]),
  }),
  keyLead: setting({
    name: "LATCHKEY_KEY_LEAD",
    purpose:
      "How long a new signing key is published before it signs; in production at least 5.5 minutes, for which verifiers may cache keys.",
    unit: "duration",
    defaults: both("24h"),
    parse: duration({ min: "0", productionMin: "330s", max: "30d" }),
  }),
  reflection: setting({
    name: "LATCHKEY_REFLECTION",
    purpose: "Whether gRPC reflection lists the methods to every caller.",
    unit: "on or off",
    defaults: { development: "on", production: "off" },
    parse: flag,
  }),
  logLevel: setting({
    name: "LATCHKEY_LOG_LEVEL",
    purpose: "What is worth a line in the log; debug adds stack traces.",
    unit: "debug, info, warn or error",
    defaults: both("info"),
    parse: choice(["debug", "info", "warn", "error"]),
  }),
  ...policyTable,
};

type Table = typeof table;

/** What the settings were read as; undefined: not set and without a default, or refused. */
export type Values = { -readonly [K in keyof Table]: ReturnType<Table[K]["parse"]> | undefined };
