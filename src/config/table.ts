import { brakesTable } from "./brakes-table.js";
import { carriersTable } from "./carriers-table.js";
import { keysTable } from "./keys-table.js";
import { networkTable } from "./network-table.js";
import { choice, duration, flag, integer, list, listener, parseAppName, parseBearerToken } from "./parse.js";
import { policyTable } from "./policy-table.js";
import { parsePostgresHosts } from "./postgres-url.js";
import { both, type Mode, setting } from "./setting.js";
import { solidxTable } from "./solidx-table.js";
import { parseDatabaseUrl, parseIssuer, parseOrigin } from "./urls.js";

/** All settings, in the order in which they are shown: by topic. */
export const table = {
  mode: setting({
    name: "LATCHKEY_MODE",
    topic: "Basics",
    purpose: "What this deployment is for. Development stays on this machine and relaxes limits; production is strict.",
    unit: "development or production",
    defaults: both(null),
    required: both("set it to development or production"),
    parse: choice<Mode>(["development", "production"]),
  }),
  issuer: setting({
    name: "LATCHKEY_ISSUER",
    topic: "Basics",
    purpose: "The public URL of this service. Tokens name it as their issuer.",
    unit: "https URL without a trailing slash",
    defaults: both(null),
    defaultsShown: { development: "http://localhost:<HTTP port>, https with LATCHKEY_TLS=files" },
    required: { production: "set it to the public URL of this service, such as https://auth.example.com" },
    parse: parseIssuer,
  }),
  appName: setting({
    name: "LATCHKEY_APP_NAME",
    topic: "Basics",
    purpose: "What messages call the app that a code is for.",
    unit: "1 to 40 characters on one line",
    defaults: both("Latchkey"),
    parse: parseAppName,
  }),
  database: setting({
    name: "LATCHKEY_DATABASE_URL",
    topic: "Database",
    purpose:
      "Where Latchkey stores everything: a SQLite file, or PostgreSQL on one or more hosts. PostgreSQL parameters: `sslmode` (disable, require, verify-ca or verify-full; by default verify-full, but disable for a server on this machine), `sslrootcert`, `sslcert`, `sslkey`, `passfile`, `target_session_attrs` and `host`.",
    unit: "sqlite:<path>, or postgres://user:password@host:port,host:port/database?sslmode=…",
    defaults: both("sqlite:latchkey.db"),
    secret: true,
    parse: parseDatabaseUrl,
  }),
  databasePool: setting({
    name: "LATCHKEY_DATABASE_POOL",
    topic: "Database",
    purpose:
      "The most PostgreSQL connections of one process; its health check uses one more. The sum over all processes must fit into the server's limit.",
    unit: "1 to 500 connections",
    defaults: both("10"),
    parse: integer({ min: 1, max: 500 }),
  }),
  databasePooler: setting({
    name: "LATCHKEY_DATABASE_POOLER",
    topic: "Database",
    purpose:
      "Whether connections to PostgreSQL go through a pooler in transaction mode, such as PgBouncer. Latchkey then uses no prepared statements and no state of a session. `--to` of `latchkey migrate` follows it too.",
    unit: "none or transaction",
    defaults: both("none"),
    parse: choice(["none", "transaction"]),
  }),
  databaseReadHosts: setting({
    name: "LATCHKEY_DATABASE_READ_HOSTS",
    topic: "Database",
    purpose:
      "PostgreSQL servers for reads that may be a moment old: ListSessions, ListMessages and GetDeliveryStats. Latchkey uses a standby among them, and the primary if none answers or it is more than 10 s behind. User, password, database and TLS are those of LATCHKEY_DATABASE_URL.",
    unit: "host:port, separated by commas",
    defaults: both(null),
    parse: parsePostgresHosts,
  }),
  messageRetention: setting({
    name: "LATCHKEY_MESSAGE_RETENTION",
    topic: "Database",
    purpose:
      "How long Latchkey keeps what became of each message: its status, tries and cost, and a masked destination. PostgreSQL deletes a whole UTC day at once, up to a day later.",
    unit: "duration, 1d to 365d",
    defaults: both("30d"),
    parse: duration({ min: "1d", max: "365d" }),
  }),
  ...keysTable,
  ...carriersTable,
  ...networkTable,
  defaultClient: setting({
    name: "LATCHKEY_DEFAULT_CLIENT",
    topic: "Callers",
    purpose:
      "Whether the first start makes the public client default-web, which calls without a client id count as. Imported once: from then on use `latchkey client`.",
    unit: "on or off",
    defaults: both(null),
    defaultsShown: { development: "on", production: "off" },
    parse: flag,
  }),
  allowedOrigins: setting({
    name: "LATCHKEY_ALLOWED_ORIGINS",
    topic: "Callers",
    purpose:
      "The web origins whose pages may call as the client default-web. Imported once, when the first start makes that client: from then on use `latchkey client`.",
    unit: "scheme://host[:port], separated by commas",
    defaults: both(""),
    defaultsShown: { development: "any port of localhost and 127.0.0.1", production: "none" },
    parse: list(parseOrigin),
  }),
  reflection: setting({
    name: "LATCHKEY_REFLECTION",
    topic: "Callers",
    purpose: "Whether gRPC reflection lists the methods to every caller.",
    unit: "on or off",
    defaults: { development: "on", production: "off" },
    parse: flag,
  }),
  logLevel: setting({
    name: "LATCHKEY_LOG_LEVEL",
    topic: "Log and metrics",
    purpose: "The lowest level that is logged. debug adds stack traces.",
    unit: "debug, info, warn or error",
    defaults: both("info"),
    parse: choice(["debug", "info", "warn", "error"]),
  }),
  metricsListen: setting({
    name: "LATCHKEY_METRICS_LISTEN",
    topic: "Log and metrics",
    purpose:
      "Where Prometheus reads the metrics, over plain HTTP. If other machines can reach the address, use a private network and set LATCHKEY_METRICS_TOKEN.",
    unit: "address:port",
    defaults: both("127.0.0.1:9464"),
    parse: listener({ loopbackOnly: false }),
  }),
  metricsToken: setting({
    name: "LATCHKEY_METRICS_TOKEN",
    topic: "Log and metrics",
    purpose: "The bearer token that Prometheus must send to read the metrics.",
    unit: "16 to 256 letters, digits and - . _ ~ + / =",
    defaults: both(null),
    secret: true,
    parse: parseBearerToken,
  }),
  ...policyTable,
  ...brakesTable,
  ...solidxTable,
};

type Table = typeof table;

/** The settings as read. Undefined: the setting is refused, or it is not set and has no default. */
export type Values = { -readonly [K in keyof Table]: ReturnType<Table[K]["parse"]> | undefined };
