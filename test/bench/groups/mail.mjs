import { busyCallers, drive, inTurns } from "../measure.mjs";

const delayMs = 200;

/** What is shipped, with a mail server that takes its time, beside one that does not. */
export async function measureMail({ stage, load, rounds, windowMs, report }) {
  const mails = { near: await stage.startMail("mail-near", 0), far: await stage.startMail("mail-far", delayMs) };
  const start = async (mail, codeHash) => {
    const options = { mailPort: mails[mail].port, env: { LATCHKEY_CODE_HASH: codeHash } };
    return { load, ...(await stage.startShipped(`shipped-${codeHash}-mail-${mail}`, options)) };
  };
  const servers = {};
  const measurements = {};
  for (const [codeHash, callers] of Object.entries(busyCallers)) {
    for (const mail of ["near", "far"]) {
      const name = `${codeHash} ${mail}`;
      servers[name] = await start(mail, codeHash);
      await drive(servers[name], "login", { ...callers, ms: windowMs / 2 });
      measurements[name] = () =>
        drive(servers[name], "login", { ...callers, ms: codeHash === "owasp" ? 2 * windowMs : windowMs });
    }
  }
  const seen = await inTurns(rounds, measurements);
  await Promise.all([...Object.values(servers), ...Object.values(mails)].map(({ server }) => server.stop()));

  for (const [codeHash, { clients }] of Object.entries(busyCallers)) {
    report.add(`logins with a mail server ${delayMs} ms away, to one 0 ms away, ${codeHash}, ${clients} clients`, {
      value: seen[`${codeHash} far`].perSecond,
      unit: "/s",
      reference: seen[`${codeHash} near`].perSecond,
      atLeast: 0.97,
    });
  }
}
