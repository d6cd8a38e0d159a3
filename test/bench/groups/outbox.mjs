import { drive, inTurns } from "../measure.mjs";

/** Mails that bare nodemailer sends in one measurement. */
const bareMails = 2000;
const refreshers = { clients: 8, pauseMs: 20 };

/** How fast a full outbox empties, over https and by SMTP, and how long callers who refresh tokens beside it wait. */
export async function measureOutbox({ stage, load, rounds, windowMs, report }) {
  const { server: sink, webPort, mailPort, urlOf } = await stage.startSink();
  const mailer = await stage.startMailer();
  const env = { LATCHKEY_CODE_HASH: "fast" };
  const servers = {
    HTTP: await stage.startShipped("outbox-http", { mailPort, env: { ...env, LATCHKEY_SMTP_URL: urlOf(webPort) } }),
    SMTP: await stage.startShipped("outbox-smtp", { mailPort, env }),
  };
  const measurements = { bare: () => mailer.ask("send", { port: mailPort, count: bareMails }) };
  for (const [name, { server, target }] of Object.entries(servers)) {
    const at = { load, server, target };
    await drive(at, "refresh", { ...refreshers, ms: windowMs / 2 });
    measurements[`${name} idle`] = () => refresh(at, windowMs);
    measurements[name] = () => emptyOutbox(sink, at, windowMs);
    measurements[`${name} beside`] = () => emptyOutbox(sink, at, windowMs, () => refresh(at, windowMs));
  }
  const seen = await inTurns(rounds, measurements);
  await Promise.all([...Object.values(servers).map(({ server }) => server), sink, mailer].map((one) => one.stop()));

  report.add("outbox to a carrier by HTTP", { value: seen.HTTP.perSecond, unit: "/s", atLeast: 1000 });
  report.add("outbox to a mail server, to bare nodemailer", {
    value: seen.SMTP.perSecond,
    unit: "/s",
    reference: seen.bare.perSecond,
    atLeast: 0.8,
  });
  for (const name of Object.keys(servers)) {
    report.add(`p99 of RefreshToken beside the outbox by ${name}, to idle`, {
      value: seen[`${name} beside`].p99,
      unit: "ms",
      reference: seen[`${name} idle`].p99,
      atMost: 1.5,
    });
  }
}

/** Fills the outbox while the carrier answers nothing, then lets it answer. Returns also what `beside` did meanwhile. */
async function emptyOutbox(sink, at, windowMs, beside = () => ({})) {
  const { taken } = await sink.ask("hold");
  const { count } = await drive(at, "send", { clients: 64, ms: windowMs });
  const emptied = sink.ask("open", { since: taken, count });
  const done = await beside();
  const { perSecond } = await emptied;
  return { ...done, perSecond };
}

function refresh(at, ms) {
  return drive(at, "refresh", { ...refreshers, rampMs: 0, ms });
}
