// Bare nodemailer, with as many connections as the outbox has: what a mail costs without an outbox.
import { createTransport } from "nodemailer";

globalThis.answer({
  ready: () => ({}),
  async send({ port, count }) {
    const transport = createTransport({
      host: "127.0.0.1",
      port,
      ignoreTLS: true,
      pool: true,
      maxConnections: 50,
      maxMessages: Infinity,
    });
    const startedAt = performance.now();
    const mails = Array.from({ length: count }, (_, n) =>
      transport.sendMail({
        from: "codes@example.com",
        to: `person${n}@example.com`,
        subject: `${100_000 + n} is your code`,
        text: `${100_000 + n} is your code. It is valid for 5 minutes. If you did not ask for it, ignore this message.`,
        html: `<p><b>${100_000 + n}</b> is your code. It is valid for 5 minutes.</p>`,
      }),
    );
    await Promise.all(mails);
    const perSecond = (1000 * count) / (performance.now() - startedAt);
    transport.close();
    return { perSecond };
  },
});
process.on("SIGTERM", () => process.exit());
