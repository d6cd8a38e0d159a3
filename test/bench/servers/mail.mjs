// A mail server that accepts every mail BENCH_DELAY_MS after it has come, and hands the code in it to the load process.
import { setTimeout as sleep } from "node:timers/promises";
import { SMTPServer } from "smtp-server";
import { openCodes } from "../codes.mjs";

const delayMs = Number(process.env.BENCH_DELAY_MS);
const hand = openCodes(process.env.BENCH_CODES);
/** Latchkey's mails have the code in the subject, those of others in the text or as the `token` of a link. */
function codeOf(mail) {
  const subject = /^Subject: (\d+)/m.exec(mail);
  if (subject !== null) return subject[1];
  const text = mail.slice(mail.indexOf("\r\n\r\n")).replaceAll("=\r\n", "").replaceAll("=3D", "=");
  return (/\btoken=([\w-]+)/.exec(text) ?? /\b(\d{6,8})\b/.exec(text))[1];
}

const server = new SMTPServer({
  disabledCommands: ["AUTH", "STARTTLS"],
  disableReverseLookup: true,
  async onData(stream, session, accept) {
    let mail = "";
    for await (const chunk of stream.setEncoding("latin1")) mail += chunk;
    if (delayMs > 0) await sleep(delayMs);
    const to = session.envelope.rcptTo[0].address;
    accept();
    hand(to, codeOf(mail));
  },
});
const listening = new Promise((resolve) =>
  server.listen(Number(process.env.BENCH_PORT ?? 0), "127.0.0.1", () => resolve(server.server.address().port)),
);
globalThis.answer({ ready: async () => ({ port: await listening }) });
process.on("SIGTERM", () => process.exit());
