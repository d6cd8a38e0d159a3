import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { newClientSecret } from "../../dist/crypto/client-secret.js";
import { hashConcurrency } from "../../dist/server/core.js";
import { logLine, startProcess } from "./processes.mjs";

/** Room for all hashes and some other work, as `src/latchkey.cts` sees to. */
const poolSize = (codeHash) => String(hashConcurrency(codeHash) + 4);

/** As the `latchkey` command sets them. */
const launcher = readFileSync(new URL("../../dist/latchkey", import.meta.url), "utf8");
const malloc = Object.fromEntries(
  [...launcher.matchAll(/\{((?:MALLOC|GLIBC)_\w+):-([^}]+)\}/g)].map(([, name, value]) => [name, value]),
);

const secret = () => randomBytes(32).toString("base64");
const adminSecret = newClientSecret().secret;
const backendSecret = newClientSecret().secret;
/** The `authorization` of an administrator of every server. */
const admin = `Basic ${Buffer.from(`default-admin:${adminSecret}`).toString("base64")}`;
/** The `authorization` of a backend of every server. */
const backend = `Basic ${Buffer.from(`default-backend:${backendSecret}`).toString("base64")}`;
const shared = {
  ...malloc,
  LATCHKEY_PEPPER: secret(),
  LATCHKEY_MASTER_KEY: secret(),
  LATCHKEY_GRPC_LISTEN: "127.0.0.1:0",
  LATCHKEY_HTTP_LISTEN: "127.0.0.1:0",
  LATCHKEY_METRICS_LISTEN: "127.0.0.1:0",
  // No balancer has to notice that a server ends.
  LATCHKEY_DRAIN_DELAY: "0",
};

/** The load comes from one address and must not meet the limits of the deployment. They stay on, so that they cost what they cost. */
export const raisedLimits = Object.fromEntries(
  [
    "ADDRESS_SENDS",
    "ADDRESS_IDENTIFIERS",
    "ADDRESS_REGISTRATIONS",
    "ADDRESS_FAILURES",
    "CLIENT_SENDS",
    "APP_SENDS",
    "PREFIX_SENDS",
    "COUNTRY_SENDS",
    "SMS",
    "EMAIL",
  ].map((limit) => [`LATCHKEY_LIMIT_${limit}`, "1000000/1m"]),
);

/** Enough for everybody to have a quarter of a minute between two logins, which production demands. */
export const usersMax = 10_000;

/** Starts the processes of a run, each in a folder of its own within `folder`. */
export function createStage({ folder, nodeArgs }) {
  const BENCH_CODES = join(folder, "codes.sock");
  const seed = join(folder, "seed.db");

  async function start(script, name, options = {}) {
    const own = join(folder, name);
    mkdirSync(own, { recursive: true });
    const env = { BENCH_CODES, ...options.env };
    const server = startProcess(script, { name, folder: own, ...options, env });
    return { server, ...(options.ready ? await options.ready(server) : await server.ask("ready")) };
  }

  async function startServer(script, name, { kind, users, ...options }) {
    const { server, port, webPort } = await start(script, name, { nodeArgs, ...options });
    return { server, target: { kind, port, webPort, users, admin, backend } };
  }

  function databaseOf(name, from = seed) {
    mkdirSync(join(folder, name), { recursive: true });
    const path = join(folder, name, "latchkey.db");
    if (from !== null) copyFileSync(from, path);
    return `sqlite:${path}`;
  }

  return {
    async startLoad() {
      return (await start("load/main.mjs", "load")).server;
    },

    /** A hostile caller. */
    async startAttacker() {
      return (await start("load/attack.mjs", "attacker")).server;
    },

    async startArgon2() {
      return (await start("servers/argon2.mjs", "argon2", { env: { UV_THREADPOOL_SIZE: String(availableParallelism()) } }))
        .server;
    },

    /** `dataFolder` is where it keeps its files. A large database takes its time to end. */
    async startPostgres() {
      const { server, folder: dataFolder } = await start("servers/postgres.mjs", "postgres", { patienceMs: 90_000 });
      return { ...server, dataFolder };
    },

    /** What fills a database with people; `engine` is `sqlite` or `postgres`. */
    async startFiller(engine, name, database) {
      const { LATCHKEY_MASTER_KEY } = shared;
      const env = { LATCHKEY_MASTER_KEY, BENCH_ENGINE: engine, BENCH_DATABASE: database };
      return (await start("large/filler.mjs", name, { env })).server;
    },

    /** What writes to a SQLite database with many people and times its checkpoints. */
    async startCheckpoints(name, people) {
      const database = databaseOf(name, null);
      const BENCH_DATABASE = database.replace(/^sqlite:/, "");
      await (await this.startLatchkey(name, "none", { database })).server.stop();
      const filler = await this.startFiller("sqlite", `${name}-filler`, BENCH_DATABASE);
      await filler.ask("fill", people);
      await filler.stop();
      return (await start("servers/checkpoints.mjs", name, { env: { BENCH_DATABASE } })).server;
    },

    /** What makes and reads apps and clients. Without a database, in a SQLite file of its own. */
    async startDirectory(name, database = databaseOf(name, null)) {
      const env = { ...shared, LATCHKEY_MODE: "development", LATCHKEY_DATABASE_URL: database };
      return (await start("servers/directory.mjs", name, { env, nodeArgs: ["--expose-gc", ...nodeArgs] })).server;
    },

    /** What imports people. Without a database, in a SQLite file of its own. */
    async startPeople(name, database = databaseOf(name, null)) {
      const env = { ...shared, LATCHKEY_MODE: "development", LATCHKEY_DATABASE_URL: database };
      return (await start("servers/people.mjs", name, { env, nodeArgs })).server;
    },

    startEcho: () => startServer("servers/echo.mjs", "echo", { kind: "echo" }),

    /** `storeOtp`: `plain`, or `hashed` by SHA-256. */
    startBetterAuth(storeOtp) {
      const env = { NODE_ENV: "production", BENCH_SECRET: secret(), BENCH_STORE_OTP: storeOtp };
      return startServer("servers/better-auth.mjs", `better-auth-${storeOtp}`, { kind: "better-auth", users: 500, env });
    },

    /** `port`: a free one by default. */
    startMail: async (name, delayMs, port = 0) =>
      await start("servers/mail.mjs", name, { env: { BENCH_DELAY_MS: String(delayMs), BENCH_PORT: String(port) } }),

    /** A carrier by https and a mail server. `urlOf` gives the setting that names the carrier at a port. */
    async startSink() {
      const path = (file) => join(folder, "sink", file);
      mkdirSync(join(folder, "sink"), { recursive: true });
      const [key, cert, gateway] = [path("key.pem"), path("cert.pem"), path("gateway.json")];
      const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
      const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert];
      execFileSync("openssl", ["req", "-x509", ...made, ...names], { stdio: "ignore" });
      const started = await start("servers/sink.mjs", "sink", { env: { BENCH_KEY: key, BENCH_CERT: cert } });
      const urlOf = (port) => {
        const body = { json: { to: "{to}", code: "{code}", text: "{text}" } };
        const request = { url: `https://127.0.0.1:${port}/messages`, body };
        const success = { status: 200, message_id: "/id" };
        writeFileSync(gateway, JSON.stringify({ channels: ["email"], from: "codes@example.com", request, success }));
        return `http-gateway://${gateway}?ca=${cert}#sink`;
      };
      return { ...started, urlOf };
    },

    /** What sends mails without an outbox. */
    startMailer: async () => (await start("servers/mailer.mjs", "mailer")).server,

    /** The composition with an inbox in memory; `codeHash` is a profile or `none`. Development, for logins without a cooldown. */
    startLatchkey(name, codeHash, { empty = false, database = databaseOf(name, empty ? null : seed), limits = {} } = {}) {
      const profile = codeHash === "none" ? "fast" : codeHash;
      const env = {
        ...limits,
        ...shared,
        LATCHKEY_MODE: "development",
        LATCHKEY_INBOX_LISTEN: "127.0.0.1:0",
        LATCHKEY_RESEND_COOLDOWN: "0",
        LATCHKEY_CODE_HASH: profile,
        LATCHKEY_DATABASE_URL: database,
        BENCH_HASHER: codeHash,
        BENCH_ADMIN_SECRET: adminSecret,
        BENCH_BACKEND_SECRET: backendSecret,
        UV_THREADPOOL_SIZE: poolSize(profile),
      };
      return startServer("servers/latchkey.mjs", name, { kind: "latchkey", users: usersMax, env });
    },

    /** What is shipped, as a deployment in production starts it. `empty`: with a database that is not there yet. */
    startShipped(name, { mailPort, env = {}, empty = false }) {
      const settings = {
        ...shared,
        ...raisedLimits,
        LATCHKEY_MODE: "production",
        LATCHKEY_ISSUER: "https://auth.example.com",
        LATCHKEY_DEFAULT_CLIENT: "on",
        LATCHKEY_DATABASE_URL: databaseOf(name, empty ? null : seed),
        LATCHKEY_SMTP_URL: `smtp://127.0.0.1:${mailPort}?from=codes@example.com&starttls=never`,
        ...env,
      };
      const ready = async (server) => ({ port: (await logLine(server, ({ msg }) => msg === "serving")).grpc });
      const options = { kind: "latchkey", users: usersMax, args: ["serve"], env: settings, ready };
      return startServer("../../dist/latchkey.cjs", name, options);
    },

    /** Makes the database with all users that every Latchkey server of the run begins with a copy of. */
    async makeSeed(load) {
      const { server, target } = await this.startLatchkey("seed", "none", { database: `sqlite:${seed}` });
      await load.ask("register", { target });
      await server.stop();
    },
  };
}
