// The product as `app.ts` composes it, with an inbox in memory as its only provider and, with BENCH_HASHER=none, without argon2.

import { diskFiles, readSettings } from "../../../dist/config/settings.js";
import { createHashQueue } from "../../../dist/crypto/hash-queue.js";
import { createInbox } from "../../../dist/delivery/taps/inbox.js";
import { startApp } from "../../../dist/server/app.js";
import { hashConcurrency } from "../../../dist/server/core.js";
import { createLog } from "../../../dist/telemetry/log.js";
import { openCodes } from "../codes.mjs";

/** Everything of the code hasher but the hash: the queue with its slots, and a comparison of what was stored. */
function createNullHasher() {
  const queue = createHashQueue(hashConcurrency("fast"));
  const tagOf = (code) => Buffer.alloc(32, code);
  const slot = { hash: async (code) => ({ profile: "fast", pepperId: "1", salt: Buffer.alloc(16), tag: tagOf(code) }) };
  const matches = async (code, _binding, stored) => tagOf(code).equals(stored.tag);
  return {
    withSlot: (caller, work) => queue.send(caller, () => work(slot)),
    withPlace: (caller, work) =>
      queue.verify(caller, (place) => work({ matches: (...given) => place.run(() => matches(...given)) })),
    waiting: queue.waiting,
  };
}

function createHandingInbox() {
  const inbox = createInbox(Date.now);
  const hand = openCodes(process.env.BENCH_CODES);
  return {
    ...inbox,
    async send(message) {
      const result = await inbox.send(message);
      hand(message.to.value, message.code);
      return result;
    },
  };
}

async function start() {
  const read = readSettings(process.env, { files: diskFiles });
  if (!read.ok) throw new Error(read.problems.join("\n"));
  const overrides = process.env.BENCH_HASHER === "none" ? { codes: createNullHasher() } : {};
  const log = createLog(read.settings.logLevel, { pretty: false });
  const developmentClients = [
    { clientId: "default-admin", clientSecret: process.env.BENCH_ADMIN_SECRET },
    { clientId: "default-backend", clientSecret: process.env.BENCH_BACKEND_SECRET },
  ];
  return await startApp(read.settings, log, { ...overrides, providers: [createHandingInbox()], developmentClients });
}

const started = start();
globalThis.answer({
  ready: async () => {
    const { grpcPort, httpPort } = await started;
    return { port: grpcPort, webPort: httpPort };
  },
});
process.on("SIGTERM", async () => {
  await (await started).stop();
  process.exit();
});
