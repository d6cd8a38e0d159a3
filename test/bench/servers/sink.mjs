// A carrier by https and a mail server in one process. They take every message and hand its code to the load process. While they hold,
// they answer nothing.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { text } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";
import { openCodes } from "../codes.mjs";

const hand = openCodes(process.env.BENCH_CODES);
let held = null;
let taken = 0;
let watch = null;

/** Counts a message, and answers it when nothing holds. */
async function take(to, code, answer) {
  await held?.promise;
  answer();
  taken += 1;
  hand(to, code);
  if (watch !== null && taken >= watch.count) watch.done();
}

const web = createServer(
  { key: readFileSync(process.env.BENCH_KEY), cert: readFileSync(process.env.BENCH_CERT) },
  async (request, response) => {
    const { to, code } = JSON.parse(await text(request));
    await take(to, code, () => response.writeHead(200, { "content-type": "application/json" }).end('{"id":"1"}'));
  },
);
const mail = new SMTPServer({
  disabledCommands: ["AUTH", "STARTTLS"],
  disableReverseLookup: true,
  async onData(stream, { envelope }, accept) {
    const code = /^Subject: (\d+)/m.exec(await text(stream))?.[1] ?? "";
    await take(envelope.rcptTo[0].address, code, accept);
  },
});
const portOf = (server, netServer = server) =>
  new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(netServer.address().port)));
const ports = Promise.all([portOf(web), portOf(mail, mail.server)]);

globalThis.answer({
  async ready() {
    const [webPort, mailPort] = await ports;
    return { webPort, mailPort };
  },
  hold() {
    held = withResolvers();
    return { taken };
  },
  /** Answers again. Returns how long it took until `count` more messages were taken than `since`. */
  async open({ since, count }) {
    const startedAt = performance.now();
    const all = withResolvers();
    watch = { count: since + count, done: all.resolve };
    held?.resolve();
    held = null;
    if (taken < watch.count) await all.promise;
    watch = null;
    return { perSecond: (1000 * count) / (performance.now() - startedAt) };
  },
});

function withResolvers() {
  let resolve;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
process.on("SIGTERM", () => process.exit());
