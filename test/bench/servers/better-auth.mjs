// Better Auth as its documentation sets it up for Node: e-mail codes, SQLite, its own handler behind node:http, no rate limits.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { emailOTP } from "better-auth/plugins";
import Database from "better-sqlite3";
import { openCodes } from "../codes.mjs";

/** As durable as Latchkey's own: a commit is on the disk when it returns. */
function openDatabase(path) {
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.pragma(`synchronous = FULL`);
  return database;
}

async function start() {
  const hand = openCodes(process.env.BENCH_CODES);
  const options = {
    database: openDatabase("better-auth.db"),
    secret: process.env.BENCH_SECRET,
    baseURL: "http://localhost",
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true },
    plugins: [
      emailOTP({
        storeOTP: process.env.BENCH_STORE_OTP,
        sendVerificationOTP: async ({ email, otp }) => hand(email, otp),
      }),
    ],
  };
  await (await getMigrations(options)).runMigrations();
  const server = createServer(toNodeHandler(betterAuth(options)));
  return await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

const started = start();
globalThis.answer({ ready: async () => ({ port: await started }) });
process.on("SIGTERM", () => process.exit());
